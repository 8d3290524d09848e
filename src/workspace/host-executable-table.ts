// Which files of a project can make the host run something, without anybody meaning to run them. Data only: one row names the
// files, what triggers them and when. Rows are matched on the lower-case path, on the whole of it where it holds a slash.

type HostExecutableKind =
  | 'git-hook'
  | 'git-settings'
  | 'editor'
  | 'shell-environment'
  | 'package-script'
  | 'dependency'
  | 'build-file'
  | 'test-setup'
  | 'interpreter-start'
  | 'toolchain'
  | 'container'
  | 'ci'
  | 'agent-instructions'
  | 'agent-settings'
  | 'new-executable'
  | 'link-outside'
  | 'hidden-unicode';

export interface HostExecutableReason {
  kind: HostExecutableKind;
  /** What runs it. */
  trigger: string;
  /** When that happens. */
  when: string;
}

interface Row extends HostExecutableReason {
  /** The file's name, or its path when `path` is set. */
  name?: RegExp;
  path?: RegExp;
}

const row = (kind: HostExecutableKind, where: RegExp | { path: RegExp }, trigger: string, when: string): Row => ({
  kind,
  trigger,
  when,
  ...(where instanceof RegExp ? { name: where } : { path: where.path }),
});

/** Matches a directory of this name at any depth. */
const inside = (directories: string): { path: RegExp } => ({ path: new RegExp(`(?:^|/)(?:${directories})/`) });
const at = (paths: string): { path: RegExp } => ({ path: new RegExp(`(?:^|/)(?:${paths})$`) });

const ON_COMMAND = 'when the tool is next used in the project';

export const HOST_EXECUTABLE: readonly Row[] = [
  row(
    'git-hook',
    inside('\\.husky|\\.githooks|git-hooks|\\.git-hooks|hooks\\.d'),
    'git',
    'on commit, checkout, merge or push',
  ),
  row(
    'git-hook',
    /^\.?lefthook(?:-local)?\.(?:ya?ml|toml|json)$/,
    'lefthook through git',
    'on commit, checkout, merge or push',
  ),
  row('git-hook', /^\.pre-commit-(?:config|hooks)\.ya?ml$/, 'pre-commit through git', 'on commit or push'),
  row(
    'git-hook',
    /^(?:\.?simple-git-hooks|\.?lintstagedrc|lint-staged\.config|\.?commitlintrc|commitlint\.config)(?:\..*)?$/,
    'the hook manager through git',
    'on commit',
  ),
  row('git-hook', /^\.overcommit\.yml$/, 'overcommit through git', 'on commit'),
  row('git-settings', /^\.gitattributes$/, 'git', 'on checkout, add, diff or merge: it selects filters and drivers'),
  row('git-settings', /^\.gitmodules$/, 'git', 'on submodule update: it names what is fetched and from where'),
  row('git-settings', /^\.gitconfig$/, 'git', 'when a git config includes it'),
  row('git-settings', /^\.lfsconfig$/, 'git-lfs', 'on fetch or push: it names the server'),
  row(
    'editor',
    at('\\.vscode/(?:tasks|settings|launch|extensions|mcp)\\.json'),
    'Visual Studio Code',
    'when the folder is opened',
  ),
  row('editor', /\.code-workspace$/, 'Visual Studio Code', 'when the workspace is opened'),
  row('editor', inside('\\.idea|\\.fleet|\\.run'), 'JetBrains editors', 'when the project is opened'),
  row('editor', inside('\\.zed|\\.nova|\\.sublime|\\.settings'), 'the editor', 'when the project is opened'),
  row(
    'editor',
    /^(?:\.?exrc|\.nvimrc|\.nvim\.lua|\.lvimrc|\.vimrc|\.dir-locals(?:-2)?\.el|\.projectile)$|\.sublime-project$/,
    'vim or Emacs',
    'when a file of the project is opened',
  ),
  row('editor', inside('\\.devcontainer'), 'the editor', 'when the folder is opened in a container'),
  row('editor', /^\.devcontainer\.json$/, 'the editor', 'when the folder is opened in a container'),
  row('shell-environment', /^\.envrc/, 'direnv', 'when a shell enters the directory'),
  row('shell-environment', /^\.env(?:\..*)?$/, 'dotenv loaders', 'when a program of the project starts'),
  row('shell-environment', /^(?:\.autoenv|\.autoenv\.zsh|\.in|\.out)$/, 'autoenv', 'when a shell enters the directory'),
  row(
    'shell-environment',
    /^(?:flake|shell|default)\.nix$|^devenv\.(?:nix|ya?ml)$|^flake\.lock$/,
    'nix',
    'when the environment is entered',
  ),
  row('toolchain', /^\.?mise(?:\..*)?\.toml$|^\.rtx\.toml$/, 'mise', 'when a shell enters the directory'),
  row('toolchain', inside('\\.mise|\\.config/mise|\\.asdf'), 'mise or asdf', 'when a shell enters the directory'),
  row(
    'toolchain',
    /^\.(?:tool-versions|nvmrc|node-version|python-version|ruby-version|java-version|sdkmanrc)$/,
    'the version manager',
    'when a shell enters the directory',
  ),
  row('toolchain', /^rust-toolchain(?:\.toml)?$/, 'rustup', 'when cargo is next used'),
  row('package-script', /^package\.json$/, 'npm, yarn, pnpm or bun', 'on install or when a script is run'),
  row(
    'package-script',
    /^\.?pnpmfile\.[cm]?js$|^\.yarnrc(?:\.ya?ml)?$|^\.npmrc$|^bunfig\.toml$|^\.bunfig\.toml$/,
    'the package manager',
    'on install',
  ),
  row('package-script', inside('\\.yarn'), 'yarn', 'whenever yarn is used'),
  row('package-script', /^pnpm-workspace\.ya?ml$|^deno\.jsonc?$/, 'pnpm or deno', 'on install or when a task is run'),
  row('package-script', /^binding\.gyp$/, 'node-gyp', 'on install'),
  row('package-script', /^composer\.json$/, 'composer', 'on install'),
  row(
    'dependency',
    /^(?:package-lock|npm-shrinkwrap)\.json$|^(?:yarn|bun)\.lock$|^bun\.lockb$|^pnpm-lock\.ya?ml$/,
    'the package manager',
    'on install: it names what is fetched and run',
  ),
  row(
    'dependency',
    /^(?:requirements.*|constraints.*)\.(?:txt|in)$|^pipfile(?:\.lock)?$|^(?:poetry|uv|pdm)\.lock$|^environment\.ya?ml$/,
    'pip or its kin',
    'on install: packages may run code',
  ),
  row('dependency', /^cargo\.(?:toml|lock)$/, 'cargo', 'on build: it names build scripts and macros'),
  row('dependency', /^go\.(?:mod|sum|work)$/, 'go', 'on build: it names what is compiled in'),
  row('dependency', /^(?:gemfile|gems\.rb|.*\.gemspec)(?:\.lock)?$/, 'bundler', 'whenever bundler is used'),
  row('build-file', /^(?:gnu)?makefile(?:\..*)?$|\.mk$/, 'make', ON_COMMAND),
  row('build-file', /^\.?justfile$|\.just$/, 'just', ON_COMMAND),
  row('build-file', /^taskfile(?:\.dist)?\.ya?ml$/, 'task', ON_COMMAND),
  row(
    'build-file',
    /^rakefile(?:\.rb)?$|\.rake$|^(?:sconstruct|sconscript|wscript|dodo\.py|tasks\.py|noxfile\.py|fabfile\.py)$/,
    'the build tool',
    ON_COMMAND,
  ),
  row('build-file', /^(?:gulpfile|gruntfile|jakefile)\..*$/, 'the build tool', ON_COMMAND),
  row(
    'build-file',
    /^[^/]+\.config\.(?:[cm]?[jt]s|json)$|^\.(?:babel|eslint|prettier|stylelint|mocha|nyc|postcss|swc)rc(?:\..*)?$/,
    'the JavaScript tool it configures',
    ON_COMMAND,
  ),
  row(
    'build-file',
    /^cmakelists\.txt$|^cmake(?:user)?presets\.json$|\.cmake$|^meson(?:\.build|_options\.txt|\.options)$|^configure(?:\.ac|\.in)?$/,
    'cmake, meson or autotools',
    'on configure, which editors do on opening',
  ),
  row(
    'build-file',
    /^(?:build|settings|init)\.gradle(?:\.kts)?$|\.gradle(?:\.kts)?$|^gradle\.properties$|^gradlew(?:\.bat)?$/,
    'gradle',
    'on build, and when an editor imports the project',
  ),
  row('build-file', inside('gradle/wrapper|buildsrc'), 'gradle', 'on build, and when an editor imports the project'),
  row('build-file', /^pom\.xml$|^mvnw(?:\.cmd)?$/, 'maven', 'on build, and when an editor imports the project'),
  row('build-file', inside('\\.mvn'), 'maven', 'on build'),
  row('build-file', /^build\.(?:sbt|sc|zig|xml|boot)$/, 'the build tool', 'on build'),
  row('build-file', /^build\.rs$/, 'cargo', 'on build, and when rust-analyzer checks the project'),
  row('build-file', at('\\.cargo/config(?:\\.toml)?'), 'cargo', 'whenever cargo is used'),
  row(
    'build-file',
    /^(?:workspace|module|build)(?:\.bazel)?$|\.bzl$|^\.bazelrc$|^buck$|^\.buckconfig$/,
    'bazel or buck',
    'on build',
  ),
  row(
    'build-file',
    /^(?:directory\.build\.(?:props|targets)|nuget\.config|global\.json)$|\.(?:cs|fs|vb|vcx)proj$|\.(?:props|targets)$/,
    'msbuild',
    'on build, and when an editor opens the project',
  ),
  row(
    'build-file',
    /^setup\.(?:py|cfg)$|^pyproject\.toml$|^tox\.ini$|^hatch\.toml$|^hatch_build\.py$|^manifest\.in$/,
    'pip or the build tool',
    'on install, build or test',
  ),
  row(
    'build-file',
    /^package\.swift$|^podfile(?:\.lock)?$|^fastfile$|\.xcconfig$|\.pbxproj$|^mix\.exs$|^rebar\.config$|^dune(?:-project)?$|^project\.clj$|^deps\.edn$|^shadow-cljs\.edn$/,
    'the build tool',
    'on build, and when an editor opens the project',
  ),
  row(
    'test-setup',
    /^conftest\.py$|^pytest\.ini$|^\.?coveragerc$/,
    'pytest',
    'when the tests are run or collected, which editors do on opening',
  ),
  row('test-setup', /^\.rspec$|^spec_helper\.rb$/, 'rspec', 'when the tests are run'),
  row('interpreter-start', /^(?:site|user)customize\.py$|\.pth$/, 'python', 'whenever python starts here'),
  row(
    'interpreter-start',
    /^\.(?:irbrc|pryrc|rprofile|renviron|gdbinit|lldbinit|pdbrc|pythonrc|ghci|psqlrc|sqliterc|inputrc|bashrc|zshrc|profile|bash_profile|zshenv)$/,
    'the interpreter or debugger',
    'when it starts in the directory',
  ),
  row(
    'container',
    /^(?:dockerfile|containerfile)(?:\..*)?$|\.dockerfile$|^docker-bake\.(?:hcl|json)$/,
    'docker or podman',
    'on build',
  ),
  row('container', /^(?:docker-)?compose(?:\..*)?\.ya?ml$/, 'docker compose', 'on up: it may mount host directories'),
  row(
    'container',
    /^vagrantfile$|^tiltfile$|^skaffold\.ya?ml$|^procfile(?:\..*)?$|^devspace\.ya?ml$/,
    'the development tool',
    'on up',
  ),
  row(
    'container',
    /\.tf(?:\.json)?$|^terragrunt\.hcl$|^pulumi\.ya?ml$|^ansible\.cfg$/,
    'the infrastructure tool',
    'on plan or apply',
  ),
  row('ci', inside('\\.github/(?:workflows|actions)'), 'GitHub Actions', 'on push'),
  row(
    'ci',
    /^\.gitlab-ci\.ya?ml$|^jenkinsfile(?:\..*)?$|^azure-pipelines\.ya?ml$|^\.travis\.ya?ml$|^bitbucket-pipelines\.ya?ml$|^\.drone\.ya?ml$|^appveyor\.ya?ml$|^\.?cirrus\.(?:ya?ml|star)$|^cloudbuild\.ya?ml$|^buildspec\.ya?ml$|^earthfile$/,
    'the CI service',
    'on push',
  ),
  row(
    'ci',
    inside('\\.circleci|\\.buildkite|\\.woodpecker|\\.teamcity|\\.forgejo|\\.gitea|\\.ci|\\.gitlab'),
    'the CI service',
    'on push',
  ),
  row('ci', at('\\.github/(?:dependabot\\.ya?ml|codeowners)'), 'GitHub', 'on push'),
  row(
    'agent-instructions',
    /^(?:claude|agents|gemini|agent|copilot|qwen|crush|warp|opencode)(?:\.local|\.override)?\.md$|^\.(?:cursorrules|windsurfrules|clinerules|goosehints|roorules)(?:-.*)?$|^skill\.md$/,
    'a coding agent outside the cage',
    'when one is next started in the project',
  ),
  row(
    'agent-instructions',
    at('\\.github/copilot-instructions\\.md'),
    'Copilot',
    'when it is next used in the project',
  ),
  row(
    'agent-instructions',
    inside('\\.github/(?:instructions|prompts|agents|chatmodes)'),
    'Copilot',
    'when it is next used in the project',
  ),
  row(
    'agent-settings',
    inside(
      '\\.claude|\\.claude-plugin|\\.cursor|\\.codex|\\.gemini|\\.opencode|\\.openclaw|\\.windsurf|\\.clinerules|\\.roo|\\.continue|\\.aider|\\.goose|\\.kiro|\\.amazonq|\\.agents|\\.junie|\\.qwen',
    ),
    'a coding agent outside the cage',
    'when one is next started in the project: hooks, tools and permissions',
  ),
  row(
    'agent-settings',
    /^\.?mcp\.json$|^\.aider\.conf\.ya?ml$|^opencode\.jsonc?$|^\.claude\.json$/,
    'a coding agent outside the cage',
    'when one is next started in the project: it starts servers',
  ),
  row('agent-settings', /^\.ironcage\.toml$/, 'ironcage', 'when the next cage of the project is made'),
];
