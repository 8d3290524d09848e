// The catalogue, second part: package managers, build tools, tests, interpreters. Data only.
import { entry, type CatalogueEntry } from './catalogue-entry.ts';

export const PROJECT: readonly CatalogueEntry[] = [
  entry(
    'package-script',
    'high',
    ['npm, yarn, pnpm or bun', 'on npm install, or when a script is run'],
    'package.json package.json5 package.yaml',
    {
      fields: {
        format: 'json',
        harmless: [
          'version',
          'description',
          'keywords',
          'homepage',
          'bugs',
          'license',
          'author',
          'contributors',
          'maintainers',
          'funding',
          'repository',
          'private',
          'sideEffects',
        ],
      },
    },
  ),
  entry(
    'package-script',
    'critical',
    ['npm or pnpm', 'whenever npm is used: it can name the shell, the registry and where tokens go'],
    '.npmrc npmrc',
    { telling: /script|registry|shell|proxy|token|cert|editor|git|prefix|node-options/i, restrains: true },
  ),
  entry('package-script', 'critical', ['pnpm', 'on install: its hooks are code'], '.pnpmfile.* pnpmfile.* .pnpmfile'),
  entry(
    'package-script',
    'high',
    ['pnpm', 'on install: which packages may run scripts, patches, catalogs'],
    'pnpm-workspace.yaml pnpm-workspace.yml',
    { restrains: true },
  ),
  entry(
    'package-script',
    'critical',
    ['yarn', 'whenever yarn is used: yarnPath and plugins are code'],
    '.yarnrc.yml .yarnrc.yaml .yarnrc .yarn/ .pnp.* yarn.config.*',
    { telling: /yarnPath|plugins|path|registry|enableScripts|npm/i, restrains: true },
  ),
  entry('package-script', 'critical', ['bun', 'whenever bun is used: preload is code'], 'bunfig.toml .bunfig.toml', {
    telling: /preload|registry|scope/,
  }),
  entry(
    'package-script',
    'high',
    ['deno', 'when a task is run or a module is resolved'],
    'deno.json deno.jsonc jsr.json import_map.json importmap.json',
    { telling: /tasks|imports|importMap|links|plugins|https?:/ },
  ),
  entry(
    'package-script',
    'high',
    ['node-gyp and kin', 'on npm install, without any script'],
    'binding.gyp *.gyp *.gypi .node-gyprc',
  ),
  entry(
    'package-script',
    'medium',
    ['monorepo tools', 'when the tool is next used in the project'],
    `
      lerna.json nx.json project.json turbo.json turbo.jsonc rush.json rush-project.json moon.yml .moon/ lage.config.*
      wireit.json .ncurc .ncurc.* .changeset/ .releaserc .releaserc.* release.config.* .release-it.* .versionrc
      .versionrc.* .syncpackrc .syncpackrc.* patches/`,
  ),
  entry('package-script', 'high', ['composer', 'on install, or when a script is run'], 'composer.json auth.json', {
    fields: {
      format: 'json',
      harmless: [
        'version',
        'description',
        'keywords',
        'homepage',
        'license',
        'authors',
        'support',
        'funding',
        'readme',
        'time',
      ],
    },
  }),
  entry(
    'package-script',
    'high',
    ['bower, jspm or meteor', 'on install'],
    'bower.json .bowerrc .meteor/ jspm.config.*',
  ),
  entry(
    'dependency',
    'medium',
    ['the package manager', 'on install: it names what is fetched and run'],
    `
      package-lock.json npm-shrinkwrap.json yarn.lock bun.lock bun.lockb pnpm-lock.yaml pnpm-lock.yml deno.lock
      composer.lock`,
    { telling: /https?:|git\+|\bscript\b|resolved|\burl\b/i, restrains: true },
  ),
  entry(
    'dependency',
    'high',
    ['pip, uv, poetry, pdm or conda', 'on install: packages may run code, from where the file says'],
    `
      requirements*.txt requirements*.in constraints*.txt requirements/ pipfile pipfile.lock poetry.lock uv.lock pdm.lock
      pylock.toml pylock.*.toml environment.yml environment.yaml conda.yml conda-lock.yml pixi.toml pixi.lock uv.toml
      poetry.toml pip.conf pip.ini .pypirc .condarc condarc`,
    { telling: /--|https?:|git\+|@ |index|url/ },
  ),
  entry(
    'dependency',
    'high',
    ['cargo', 'on build, and when rust-analyzer checks the project: build scripts and macros are code'],
    'cargo.toml',
    {
      fields: {
        format: 'toml',
        harmless: [
          'package.version',
          'package.description',
          'package.keywords',
          'package.categories',
          'package.homepage',
          'package.documentation',
          'package.repository',
          'package.license',
          'package.license-file',
          'package.authors',
          'package.readme',
          'package.rust-version',
          'workspace.package.version',
        ],
      },
    },
  ),
  entry('dependency', 'medium', ['cargo', 'on build: it names what is fetched'], 'cargo.lock', {
    telling: /source|git/,
    restrains: true,
  }),
  entry(
    'dependency',
    'medium',
    ['go', 'on build: it names what is compiled in'],
    'go.mod go.sum go.work go.work.sum go.env vendor/modules.txt',
    { telling: /replace|toolchain|tool |exclude|godebug/ },
  ),
  entry(
    'dependency',
    'high',
    ['bundler', 'whenever bundler is used: it is a program'],
    'gemfile gemfile.lock gemfile.* gems.rb gems.locked *.gemspec .gemrc .bundle/',
  ),
  entry(
    'dependency',
    'medium',
    ['another package manager', 'on install or build: it names what is fetched'],
    `
      pubspec.yaml pubspec.lock pubspec_overrides.yaml conanfile.txt vcpkg.json vcpkg-configuration.json package.resolved
      cartfile cartfile.resolved paket.dependencies paket.lock packages.config packages.lock.json directory.packages.props
      gradle.lockfile *.versions.toml verification-metadata.xml mix.lock rebar.lock stack.yaml.lock cabal.project.freeze
      opam.locked *.opam elm.json shard.yml shard.lock spago.yaml spago.dhall packages.dhall dub.json dub.sdl nimble.lock
      haxelib.json renv.lock project.toml manifest.toml renovate.json renovate.json5 .renovaterc .renovaterc.json
      git-submodules.yml buf.yaml buf.gen.yaml buf.lock`,
  ),
  entry(
    'build-file',
    'high',
    ['make', 'when make is next run; some editors and completions run make -n, which executes $(shell …)'],
    'makefile gnumakefile bsdmakefile makefile.* *.mk *.mak kbuild',
    { telling: /\$\(shell|\$\(eval|^\t|:=|!=|include/ },
  ),
  entry(
    'build-file',
    'high',
    ['just', 'when just is next run; its completion evaluates backticks'],
    'justfile .justfile *.just',
    { telling: /`|shell|^\s+\S/ },
  ),
  entry(
    'build-file',
    'high',
    ['task, mage, invoke, doit or another task runner', 'when the tool is next used in the project'],
    `
      taskfile.yml taskfile.yaml taskfile.dist.yml taskfile.dist.yaml .taskrc.yml magefile.go magefiles/ tasks.py dodo.py
      fabfile.py noxfile.py duties.py pavement.py tasks.toml makefile.toml maskfile.md runfile runfile.* earthfile
      bashly.yml cake.config build.cake nuke.ps1 build.ps1 psakefile.ps1 xtask/ .xc.md runme.* dagger.json .dagger/
      garden.yml project.garden.yml tusk.yml goyek/ robo.yml robofile.php .bake.toml bakefile .please.toml .plzconfig
      .plzconfig.*`,
  ),
  entry(
    'build-file',
    'high',
    ['rake, thor, brew, scons, waf or gulp', 'when the tool is next used in the project'],
    `
      rakefile rakefile.rb *.rake thorfile *.thor guardfile capfile brewfile sconstruct sconscript wscript gulpfile
      gulpfile.*
      gruntfile gruntfile.* jakefile jakefile.* cakefile build.xml build.boot build.sc build.mill build.zig build.zig.zon
      nob.c premake5.lua xmake.lua .xmake/`,
  ),
  entry(
    'build-file',
    'high',
    ['the JavaScript tool it configures', 'when the tool runs, which editors do on opening a file'],
    `
      *.config.js *.config.cjs *.config.mjs *.config.ts *.config.cts *.config.mts *.config.json *.config.*.js
      *.config.*.mjs *.config.*.ts .babelrc .babelrc.* .eslintrc .eslintrc.* .prettierrc .prettierrc.* .stylelintrc
      .stylelintrc.* .mocharc .mocharc.* .nycrc .nycrc.* .c8rc .c8rc.* .postcssrc .postcssrc.* .swcrc .swcrc.* .jshintrc
      .jshintrc.* .jslintrc .jslintrc.* .remarkrc .remarkrc.* .textlintrc .textlintrc.* .parcelrc .parcelrc.*
      .browserslistrc .browserslistrc.* .svgorc .svgorc.* .size-limitrc .size-limitrc.* .dependency-cruiserrc
      .dependency-cruiserrc.* .oxlintrc .oxlintrc.* .kniprc .kniprc.* .taprcrc .taprcrc.* .avarc .avarc.* .jestrc
      .jestrc.* .sequelizerc .sequelizerc.* .umirc .umirc.* .depcheckrc .depcheckrc.* .nodemonrc .nodemonrc.* .ts-noderc
      .ts-noderc.* .htmlhintrc .htmlhintrc.* .cspellrc .cspellrc.* .markdownlintrc .markdownlintrc.* .solhintrc
      .solhintrc.* .mochapackrc .mochapackrc.* .cracorcrc .cracorcrc.* .terserrc .terserrc.* .dependency-cruiser.*
      .eslintrc-* nodemon.json angular.json vue.config.* metro.config.* .storybook/ webpack.*.js rollup.*.js karma.conf.*
      protractor.conf.* wdio.conf.* biome.json biome.jsonc dprint.json .dprint.json .ember-cli .ember-cli.js .taprc
      truffle.js truffle-config.js hardhat.config.* foundry.toml wrangler.toml wrangler.json wrangler.jsonc netlify.toml
      vercel.json now.json firebase.json serverless.* sst.config.* capacitor.config.* tauri.conf.* eas.json
      expo-module.config.json graphql.config.* .graphqlrc .graphqlrc.* codegen.yml codegen.ts`,
  ),
  entry(
    'build-file',
    'high',
    ['cmake, meson or autotools', 'on configure, which editors do on opening the folder'],
    `
      cmakelists.txt cmakepresets.json cmakeuserpresets.json *.cmake meson.build meson_options.txt meson.options *.wrap
      configure configure.ac configure.in *.m4 *.am autogen.sh ltmain.sh *.pro *.pri *.qbs sources.cmake subprojects/`,
    { telling: /execute_process|add_custom|run_command|fetchcontent|externalproject|AC_|m4_e?syscmd/i },
  ),
  entry(
    'build-file',
    'high',
    ['gradle', 'on build, and when an editor imports the project'],
    `
      *.gradle *.gradle.kts *.gradle.dcl gradle.properties gradlew gradlew.bat gradle/ buildsrc/ build-logic/ .gradle/
      local.properties`,
  ),
  entry(
    'build-file',
    'high',
    ['maven', 'on build, and when an editor imports the project'],
    'pom.xml pom.* mvnw mvnw.cmd .mvn/ .m2/ settings-security.xml',
  ),
  entry(
    'build-file',
    'high',
    [
      'sbt, bazel, buck, pants or another build tool',
      'on build; bazel and its editor plugins read it whenever they run',
    ],
    `
      build.sbt *.sbt .sbtopts .jvmopts .scalafmt.conf project/build.properties project/plugins.sbt workspace
      workspace.bazel workspace.bzlmod module.bazel module.bazel.lock build.bazel build *.bzl .bazelrc *.bazelrc
      .bazelversion .bazeliskrc tools/bazel tools/bazel.* buck targets .buckconfig .buckconfig.* pants.toml pants.*.toml
      blade_root .bleep/ bleep.yaml leinengen tup.config tupfile tuprules.tup ninja.build *.ninja`,
  ),
  entry(
    'build-file',
    'critical',
    ['cargo', 'whenever cargo is used: runners, linkers, aliases, registries'],
    '.cargo/ cargo-config.toml',
    { telling: /runner|linker|rustc|wrapper|alias|registry|replace-with|credential|\[env\]/ },
  ),
  entry(
    'build-file',
    'high',
    ['cargo', 'on build, and when rust-analyzer checks the project'],
    `
      build.rs build/main.rs clippy.toml .clippy.toml rustfmt.toml .rustfmt.toml cross.toml trunk.toml dioxus.toml`,
  ),
  entry(
    'build-file',
    'high',
    ['go generate, golangci-lint or goreleaser', 'when the tool is next used in the project'],
    `
      .golangci.* .goreleaser.* gqlgen.yml sqlc.yaml sqlc.yml .air.toml air.toml .mockery.* wire.go tools.go`,
  ),
  entry('build-file', 'medium', ['go generate', 'when it is run over the package'], '*.go', {
    holding: /^\/\/go:generate\b/m,
    telling: /^\/\/go:generate\b/,
  }),
  entry('build-file', 'medium', ['cgo', 'on build: it passes flags to the compiler'], '*.go', {
    holding: /#cgo\b/,
    telling: /#cgo\b/,
  }),
  entry(
    'build-file',
    'high',
    ['msbuild and dotnet', 'on build or restore, and when an editor opens the project'],
    `
      directory.build.* directory.solution.* directory.packages.* nuget.config global.json dotnet-tools.json
      .config/dotnet-tools.json *.csproj *.fsproj *.vbproj *.vcxproj *.sqlproj *.proj *.props *.targets *.rsp *.ruleset
      *.tt omnisharp.json`,
    { telling: /<Exec|Target|UsingTask|Import|packageSources|key=/i },
  ),
  entry(
    'build-file',
    'high',
    [
      'pip, a build backend, pytest, tox or linters',
      'on install, build or test, and when an editor inspects the project',
    ],
    'pyproject.toml',
    {
      fields: {
        format: 'toml',
        harmless: [
          'project.version',
          'project.description',
          'project.keywords',
          'project.classifiers',
          'project.authors',
          'project.maintainers',
          'project.license',
          'project.license-files',
          'project.readme',
          'project.urls',
          'tool.poetry.version',
          'tool.poetry.description',
          'tool.poetry.keywords',
          'tool.poetry.classifiers',
          'tool.poetry.authors',
          'tool.poetry.license',
          'tool.poetry.readme',
        ],
      },
    },
  ),
  entry(
    'build-file',
    'high',
    ['pip or the build tool', 'on install, build or test'],
    `
      setup.py setup.cfg hatch.toml hatch_build.py manifest.in buildout.cfg build.cfg versioneer.py _custom_build.py
      meson-python.toml .bumpversion.* .isort.cfg .pylintrc pylintrc pylintrc.toml .flake8 mypy.ini .mypy.ini ruff.toml
      .ruff.toml .style.yapf bandit.yaml mkdocs.yml conf.py alembic.ini gunicorn.conf.py`,
    { telling: /plugin|init-hook|cmdclass|setup_requires|command/i },
  ),
  entry(
    'build-file',
    'high',
    ['Xcode, Swift, CocoaPods, fastlane', 'on build, and when Xcode opens the project'],
    `
      package.swift package@*.swift podfile podfile.lock *.podspec fastfile appfile fastlane/ *.xcconfig *.pbxproj
      *.xcscheme *.xcworkspacedata .xcode.env .xcode.env.local project.yml project.swift tuist/ .swiftlint.yml .xcodegen`,
  ),
  entry(
    'build-file',
    'high',
    ['mix, rebar, dune, leiningen, stack or another build tool', 'on build, and when an editor opens the project'],
    `
      mix.exs .formatter.exs .credo.exs .iex.exs rebar.config rebar.config.script erlang.mk dune dune-project
      dune-workspace project.clj profiles.clj deps.edn bb.edn tests.edn shadow-cljs.edn .lein-env .clj-kondo/ .lsp/
      setup.hs setup.lhs stack.yaml cabal.project cabal.project.local *.cabal package.yaml makefile.pl build.pl dist.ini
      cpanfile *.nimble config.nims *.nims nim.cfg *.rockspec .luacheckrc .busted configure.win cleanup alr.toml *.gpr
      fpm.toml v.mod gleam.toml info.rkt akku.manifest`,
  ),
  entry(
    'build-file',
    'medium',
    ['TeX', 'on compiling, where its settings allow programs'],
    'latexmkrc .latexmkrc arara.yaml .arararc.yaml texmf.cnf build.lua',
  ),
  entry(
    'build-file',
    'high',
    ['the linter, formatter or checker it configures', 'when the tool runs, which editors do on opening a file'],
    `
      .rubocop.yml .rubocop_*.yml .standard.yml .erb-lint.yml .haml-lint.yml .php-cs-fixer.* .php_cs .php_cs.*
      phpstan.neon phpstan.neon.dist psalm.xml phpcs.xml phpcs.xml.dist rector.php ecs.php .shellcheckrc .trunk/
      .mega-linter.yml .lintr .perlcriticrc .perltidyrc .ansible-lint .yamllint .yamllint.* .hadolint.* .tflint.hcl
      .semgrep/ .semgrep.yml .vale.ini .codespellrc .watchmanconfig .pre-push.* .ameba.yml .credo.* .ktlint/ detekt.yml
      checkstyle.xml .clang-tidy .clang-format`,
  ),
  entry(
    'test-setup',
    'high',
    ['pytest, tox or coverage', 'when the tests are run or collected, which editors do on opening the folder'],
    `
      conftest.py pytest.ini .pytest.ini pytest.toml .pytest.toml tox.ini tox.toml .coveragerc coveragerc .testr.conf
      .stestr.conf nose.cfg .noserc behave.ini robot.toml`,
    { telling: /addopts|-p |plugins|commands|python_files|^def |^import/ },
  ),
  entry(
    'test-setup',
    'high',
    ['rspec, cucumber, phpunit or another test runner', 'when the tests are run'],
    `
      .rspec .rspec-local spec_helper.rb rails_helper.rb test_helper.rb cucumber.yml cucumber.js phpunit.xml
      phpunit.xml.dist pest.php codeception.yml behat.yml infection.json* karma.conf.js jest.setup.* vitest.setup.*
      setuptests.* cypress.json cypress/plugins/ cypress/support/ test_helper.exs testthat.r setup-tests.* .bats/`,
  ),
  entry(
    'interpreter-start',
    'critical',
    ['python', 'whenever python starts with this directory on its path'],
    `
      sitecustomize.py usercustomize.py *.pth *.egg-link *.pyd pyvenv.cfg *._pth .pythonrc .pythonrc.py .pythonstartup.py
      ipython_config.py .pdbrc .pdbrc.py`,
  ),
  entry(
    'interpreter-start',
    'high',
    ['python', 'when a program beside it imports the standard module of that name'],
    `
      /abc.py /abc/__init__.py /argparse.py /argparse/__init__.py /ast.py /ast/__init__.py /asyncio.py
      /asyncio/__init__.py /base64.py /base64/__init__.py /collections.py /collections/__init__.py /contextlib.py
      /contextlib/__init__.py /copy.py /copy/__init__.py /csv.py /csv/__init__.py /dataclasses.py /dataclasses/__init__.py
      /datetime.py /datetime/__init__.py /decimal.py /decimal/__init__.py /enum.py /enum/__init__.py /functools.py
      /functools/__init__.py /glob.py /glob/__init__.py /hashlib.py /hashlib/__init__.py /heapq.py /heapq/__init__.py
      /html.py /html/__init__.py /http.py /http/__init__.py /importlib.py /importlib/__init__.py /inspect.py
      /inspect/__init__.py /io.py /io/__init__.py /itertools.py /itertools/__init__.py /json.py /json/__init__.py
      /linecache.py /linecache/__init__.py /locale.py /locale/__init__.py /logging.py /logging/__init__.py /math.py
      /math/__init__.py /operator.py /operator/__init__.py /os.py /os/__init__.py /pathlib.py /pathlib/__init__.py
      /pickle.py /pickle/__init__.py /platform.py /platform/__init__.py /queue.py /queue/__init__.py /random.py
      /random/__init__.py /re.py /re/__init__.py /select.py /select/__init__.py /shutil.py /shutil/__init__.py /signal.py
      /signal/__init__.py /site.py /site/__init__.py /socket.py /socket/__init__.py /ssl.py /ssl/__init__.py /stat.py
      /stat/__init__.py /string.py /string/__init__.py /struct.py /struct/__init__.py /subprocess.py
      /subprocess/__init__.py /sys.py /sys/__init__.py /tempfile.py /tempfile/__init__.py /textwrap.py
      /textwrap/__init__.py /threading.py /threading/__init__.py /time.py /time/__init__.py /token.py /token/__init__.py
      /tokenize.py /tokenize/__init__.py /traceback.py /traceback/__init__.py /types.py /types/__init__.py /typing.py
      /typing/__init__.py /unittest.py /unittest/__init__.py /urllib.py /urllib/__init__.py /uuid.py /uuid/__init__.py
      /warnings.py /warnings/__init__.py /weakref.py /weakref/__init__.py /xml.py /xml/__init__.py /zipfile.py
      /zipfile/__init__.py`,
  ),
  entry(
    'interpreter-start',
    'high',
    ['the interpreter, debugger or client', 'when it starts in the directory'],
    `
      .irbrc .pryrc .byebugrc .rdbgrc .rdbgrc.rb .rprofile .rprofile.site .renviron .gdbinit gdbinit *-gdb.gdb *-gdb.py
      .lldbinit .lldbinit-* .radare2rc .ghci .ocamlinit .utoprc .psqlrc .pg_service.conf .pgpass .sqliterc .my.cnf my.cnf
      .mongorc.js .mongoshrc.js .screenrc .tmux.conf .node_repl_history .perldb .erlang .sclang.yaml .juliarc.jl
      startup.jl localsettings.m startup.m .octaverc .maxima .user.ini .htaccess web.config .jshintrc .swiplrc init.lua
      .hgrc .hg/ .svn/ .bzr/ .jj/ .sl/ .fslckout _fossil_ .fossil-settings/ .arcconfig .arclint .reviewboardrc .gitreview
      .config/gh/ .docker/ .kube/ .aws/ .gcloudignore .boto .ackrc .agrc .ripgreprc .fdignore .lesskey .lessfilter
      .lesspipe .nanorc .dircolors .toprc .mailcap .w3m/ .mutt/ .muttrc`,
  ),
];
