// The catalogue, first part: git, editors, shells and what they start by themselves. Data only.
import { entry, type CatalogueEntry } from './catalogue-entry.ts';

export const DESK: readonly CatalogueEntry[] = [
  entry(
    'git-hook',
    'critical',
    ['git, where core.hooksPath names the directory', 'on the next commit, checkout, merge or push'],
    '.husky/ .githooks/ .git-hooks/ git-hooks/ githooks/ hooks.d/ .hooks/',
  ),
  entry(
    'git-hook',
    'critical',
    ['git, if the directory is one of its hooks', 'on the next commit, checkout, merge or push'],
    `
      hooks/applypatch-msg hooks/pre-applypatch hooks/post-applypatch hooks/pre-commit hooks/pre-merge-commit
      hooks/prepare-commit-msg hooks/commit-msg hooks/post-commit hooks/pre-rebase hooks/post-checkout hooks/post-merge
      hooks/pre-push hooks/pre-receive hooks/update hooks/post-receive hooks/post-update hooks/pre-auto-gc
      hooks/post-rewrite hooks/sendemail-validate hooks/fsmonitor-watchman hooks/reference-transaction hooks/proc-receive
      hooks/push-to-checkout hooks/post-index-change`,
  ),
  entry(
    'git-hook',
    'high',
    ['lefthook through git', 'on the next commit, checkout, merge or push'],
    'lefthook.* .lefthook.* lefthook-local.* .lefthook-local.* .lefthook/ .lefthook-local/',
    { telling: /\b(?:exec|run|cmd|command|entry|script|sh|bash)\b/i },
  ),
  entry(
    'git-hook',
    'high',
    ['pre-commit or prek through git', 'on the next commit or push'],
    `
      .pre-commit-config.yaml .pre-commit-config.yml .pre-commit-hooks.yaml .pre-commit-hooks.yml prek.toml`,
    { telling: /\b(?:repo|rev|entry|language|additional_dependencies)\b/ },
  ),
  entry(
    'git-hook',
    'high',
    ['a hook manager through git', 'on the next commit'],
    `
      .simple-git-hooks.* simple-git-hooks.* .lintstagedrc .lintstagedrc.* lint-staged.config.* .nano-staged.*
      nano-staged.* .commitlintrc .commitlintrc.* commitlint.config.* .huskyrc .huskyrc.* .overcommit.yml .git-hooks.yaml
      .captainhook.json captainhook.json grumphp.yml grumphp.yml.dist .hooks.toml .rusty-hook.toml .cargo-husky/ .czrc
      .cz.* cz.toml .talismanrc .yorkie.json`,
  ),
  entry(
    'git-settings',
    'high',
    ['git', 'on the next checkout, add, diff, merge or archive: it selects filters and drivers'],
    '.gitattributes',
    { telling: /\b(?:filter|diff|merge|working-tree-encoding|export-subst)\b/, restrains: true },
  ),
  entry(
    'git-settings',
    'high',
    ['git', 'on submodule init or update, and clone --recursive: it names what is fetched, from where, to which path'],
    '.gitmodules',
    { telling: /\b(?:update|url|path|fetchRecurseSubmodules|ignore)\b/i },
  ),
  entry(
    'git-settings',
    'high',
    ['git', 'whenever git runs, once a git config includes it'],
    '.gitconfig gitconfig *.gitconfig',
  ),
  entry('git-settings', 'medium', ['git-lfs', 'on fetch or push: it names the server'], '.lfsconfig'),
  entry('git-settings', 'low', ['git blame', 'where blame.ignoreRevsFile names it'], '.git-blame-ignore-revs'),
  entry('git-settings', 'low', ['git log and shortlog', 'whenever authors are shown: it renames them'], '.mailmap'),
  entry(
    'editor',
    'critical',
    ['Visual Studio Code, Cursor and kin', 'on opening the folder, once it is trusted'],
    '.vscode/ *.code-workspace .vscode-test.* .vscode-server/',
    { telling: /"(?:command|runOn|args|program|type|[\w.-]{0,60}(?:path|executable|interpreter|server)s?)"/i },
  ),
  entry(
    'editor',
    'critical',
    ['the editor', 'on opening the folder in a container: initializeCommand runs on this machine'],
    '.devcontainer/ .devcontainer.json devcontainer.json',
    { telling: /"(?:\w{1,40}Command|mounts|runArgs|privileged|image|build|features)"/ },
  ),
  entry(
    'editor',
    'high',
    ['JetBrains editors', 'on opening the project, once it is trusted'],
    '.idea/ .fleet/ .run/ *.iml *.ipr *.iws',
  ),
  entry(
    'editor',
    'high',
    ['Visual Studio', 'on opening the folder'],
    '.vs/ *.sln *.slnx *.slnf launchsettings.json tasks.vs.json launch.vs.json',
  ),
  entry('editor', 'high', ['Zed', 'on opening the project: tasks, language servers'], '.zed/'),
  entry(
    'editor',
    'high',
    ['Nova, Eclipse, Kate or Helix', 'on opening the project'],
    '.nova/ .settings/ .kateproject .helix/ .project .classpath',
  ),
  entry(
    'editor',
    'high',
    ['Sublime Text', 'on opening the project'],
    '*.sublime-project *.sublime-workspace *.sublime-build *.sublime-settings .sublime/',
  ),
  entry(
    'editor',
    'critical',
    ['vim or Neovim with exrc or a local-vimrc plugin', 'on starting the editor in the directory'],
    `
      .exrc _exrc .vimrc _vimrc .gvimrc .nvimrc .nvim.lua .nvim/ .lvimrc .local.vimrc .vimspector.json .ycm_extra_conf.py
      .ctags .ctags.d/`,
  ),
  entry('editor', 'high', ['vim, by a modeline', 'on opening the file'], '*', {
    holding:
      /\b(?:vim?|ex):[^\n]{0,200}(?:expr|foldtext|charconvert|statusline|tabline|guitablabel|prg|tagfunc|omnifunc|completefunc|opfunc|operatorfunc)\b/,
    ends: true,
    telling: /(?:vim?|ex):/,
  }),
  entry(
    'editor',
    'critical',
    ['Emacs', 'on opening a file of the directory'],
    '.dir-locals.el .dir-locals-2.el .projectile .emacs .emacs.d/ .spacemacs .elpaignore eask cask',
    { telling: /\b(?:eval|compile-command|\w{1,40}-(?:program|command|path))\b/ },
  ),
  entry('editor', 'high', ['Emacs, by local variables of the file', 'on opening the file'], '*', {
    holding:
      /-\*-[^\n]{0,300}\b(?:eval|compile-command)\s*:|Local Variables:[^]{0,3000}?\b(?:eval|compile-command|[\w-]{1,60}-(?:program|command|function|hook)s?):/i,
    ends: true,
    telling: /-\*-|Local Variables|\b(?:eval|compile-command|[\w-]{1,60}-(?:program|command|function|hook)s?)\s*:/i,
  }),
  entry('editor', 'medium', ['editors', 'on opening a file: it only formats'], '.editorconfig'),
  entry(
    'editor',
    'high',
    ['language servers', 'on opening a file of the project'],
    `
      .clangd compile_commands.json compile_flags.txt .ccls .luarc.json .luarc.jsonc jsconfig.json .solargraph.yml
      pyrightconfig.json sorbet/config .rust-analyzer.json rust-analyzer.toml .rust-project.json rust-project.json
      gopls.yaml .nls.* .ocamllsp hie.yaml .merlin`,
  ),
  entry(
    'editor',
    'high',
    ['the TypeScript server', 'on opening a file of the project: it loads plugins, and settings from elsewhere'],
    'tsconfig*.json *.tsconfig.json',
    {
      holding: /plugins|extends|\\u00/,
      telling: /plugins|extends|transform|"name"|\\u00|^\s*"[^"]{0,300}"\s{0,20},?\s{0,20}$/,
    },
  ),
  entry(
    'editor',
    'high',
    ['Jupyter', 'when a cell is run, or on opening a trusted notebook'],
    '*.ipynb jupyter_*_config.* .ipython/',
  ),
  entry(
    'editor',
    'medium',
    ['the desktop', 'on a double click'],
    `
      *.desktop *.lnk *.url *.webloc *.scf *.library-ms desktop.ini autorun.inf .directory *.command *.workflow *.terminal`,
  ),
  entry(
    'shell-environment',
    'critical',
    ['direnv', 'on cd into the directory, once it is allowed'],
    '.envrc .envrc.* .direnvrc .direnv/ direnv.toml .direnv.toml',
  ),
  entry(
    'shell-environment',
    'critical',
    ['autoenv and kin', 'on cd into the directory'],
    `
      .autoenv .autoenv.zsh .autoenv_leave.zsh .in .out .env.leave .smartcd .local.zsh .ondir .ondirrc .zsh_local
      .kubeswitch .tmuxinator.yml .tmux.conf .tmuxp.* .envrc.local`,
  ),
  entry(
    'shell-environment',
    'high',
    ['dotenv loaders, compose, autoenv', 'when a program of the project starts: NODE_OPTIONS, PATH and the like'],
    '.env .env.* *.env .flaskenv .dev.vars',
    {
      telling:
        /\b(?:NODE_OPTIONS|PATH|LD_\w+|DYLD_\w+|PYTHON\w*|PERL\w*|RUBY\w*|JAVA_\w+|BASH_ENV|ENV|GIT_\w+|\w*PROXY|\w+_(?:URL|HOST|ENDPOINT))\b/i,
    },
  ),
  entry(
    'shell-environment',
    'critical',
    ['a shell', 'when it starts with this directory as its home'],
    `
      .bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout
      .kshrc .cshrc .tcshrc .login .inputrc .xprofile .xinitrc .xsession config.fish .config/fish/ .config/systemd/
      .config/autostart/ .ssh/ .netrc .curlrc .wgetrc`,
  ),
  entry(
    'shell-environment',
    'high',
    ['nix', 'when the environment is entered, by hand or by direnv'],
    `
      flake.nix flake.lock shell.nix default.nix devenv.nix devenv.yaml devenv.yml devenv.lock devbox.json devbox.lock
      flox.toml .flox/ .devenv.flake.nix release.nix npins/ guix.scm manifest.scm .envrc.nix *.nix`,
    { telling: /shellHook|url|fetch|builtins|script|init_hook/ },
  ),
  entry(
    'toolchain',
    'critical',
    ['mise', 'on cd into the directory, once it is trusted: hooks, tasks, variables'],
    `
      mise.toml mise.*.toml .mise.toml .mise.*.toml .rtx.toml .mise/ .config/mise/ .config/mise.toml .mise-tasks/
      mise-tasks/ mise.lock`,
  ),
  entry(
    'toolchain',
    'medium',
    [
      'asdf, mise, nvm and other version managers',
      'on cd into the directory, or when the tool is next used: it may fetch another version',
    ],
    `
      .tool-versions .asdf/ .asdfrc .nvmrc .node-version .python-version .python-versions .ruby-version .ruby-gemset
      .java-version .go-version .terraform-version .terragrunt-version .php-version .perl-version .swift-version
      .xcode-version .sdkmanrc .jabbarc .jvmrc .rvmrc .versions.conf .crystal-version .dvmrc .bun-version .deno-version
      .zigversion .pkgx.yaml pkgx.yaml .pkgx.yml aqua.yaml .aqua.yaml hermit.hcl proto.toml .prototools vfox.toml
      .vfox.toml .fvmrc .fvm/`,
  ),
  entry('toolchain', 'critical', ['rvm', 'on cd into the directory: it is a shell script'], '.rvmrc'),
  entry(
    'toolchain',
    'high',
    ['rustup', 'when cargo is next used: it names a toolchain, or a directory with one'],
    'rust-toolchain rust-toolchain.toml',
  ),
  entry(
    'toolchain',
    'high',
    ['corepack, volta and package managers', 'when the tool is next used'],
    '.yarnversion .corepack.env hermit/ .hermit/',
  ),
];
