// The catalogue, third part: containers, infrastructure, CI services, and coding agents on the host. Data only.
import { entry, type CatalogueEntry } from './catalogue-entry.ts';

export const SERVICES: readonly CatalogueEntry[] = [
  entry(
    'container',
    'medium',
    ['docker, podman or buildkit', 'on build, with the network of the engine'],
    `
      dockerfile dockerfile.* *.dockerfile containerfile containerfile.* *.containerfile .dockerignore docker-bake.hcl
      docker-bake.json docker-bake.override.* project.toml.pack buildpack.toml apptainer.def singularity`,
    { telling: /^\s*(?:FROM|RUN|ADD|COPY|ENTRYPOINT|CMD|#\s*syntax)/i },
  ),
  entry(
    'container',
    'high',
    ['docker compose or podman', 'on up: it may mount directories of this machine and be privileged'],
    `
      compose.yml compose.yaml compose.*.yml compose.*.yaml docker-compose.yml docker-compose.yaml docker-compose.*
      docker-stack.yml podman-compose.yml *.container *.kube *.pod *.quadlet`,
    {
      telling:
        /volumes|privileged|image|command|entrypoint|\.sock|network_mode|cap_add|devices|env_file|include|extends/i,
    },
  ),
  entry(
    'container',
    'high',
    ['Vagrant, Tilt, Skaffold, foreman or another development tool', 'on up'],
    `
      vagrantfile tiltfile tilt_config.json skaffold.yaml skaffold.yml procfile procfile.* devspace.yaml devspace.yml
      okteto.yml okteto.yaml .lando.yml .ddev/ overmind.env .overmind.env hivemind.env process-compose.yaml
      process-compose.yml mprocs.yaml mprocs.yml .gitpod.yml .gitpod.dockerfile .gitpod/ devfile.yaml .devfile.yaml
      .replit replit.nix .idx/ .stackblitzrc .codesandbox/ sandbox.config.json ctlptl.yaml bonnet.yaml supervisord.conf
      ecosystem.config.* pm2.json *.service *.timer *.socket crontab *.cron lima.yaml cloud-init.* *.plist`,
  ),
  entry(
    'infrastructure',
    'medium',
    [
      'terraform, opentofu, terragrunt, pulumi or packer',
      'on init, plan or apply: providers and external data sources are programs',
    ],
    `
      *.tf *.tf.json *.tofu *.tfvars *.tfvars.json *.tfbackend .terraformrc terraform.rc .terraform.lock.hcl .terraform/
      terragrunt.hcl terragrunt.stack.hcl *.pkr.hcl *.nomad *.nomad.hcl pulumi.yaml pulumi.*.yaml pulumi.yml cdk.json
      cdktf.json atlantis.yaml atmos.yaml template.yaml samconfig.toml *.bicep`,
    { telling: /local-exec|external|provisioner|source|provider|"app"/ },
  ),
  entry(
    'infrastructure',
    'high',
    ['ansible', 'whenever ansible is run in the directory: plugins and inventories are programs'],
    `
      ansible.cfg .ansible.cfg inventory.ini inventory.yml inventory.yaml inventories/ hosts.ini host_vars/ group_vars/
      playbook*.yml site.yml filter_plugins/ action_plugins/ callback_plugins/ lookup_plugins/ module_utils/ ansible/
      .vault_pass*`,
  ),
  entry(
    'infrastructure',
    'medium',
    ['kubernetes tools', 'on apply, install or diff'],
    `
      kustomization.yaml kustomization.yml kustomization chart.yaml chart.lock helmfile.yaml helmfile.yml
      helmfile.yaml.gotmpl helmfile.d/ kubeconfig *.kubeconfig cr.yaml ct.yaml kind-config.yaml fleet.yaml argocd.yaml
      .flux/ .sops.yaml`,
  ),
  entry(
    'ci',
    'medium',
    ['GitHub Actions', 'on push or pull request, with the secrets of the repository'],
    '.github/workflows/ .github/actions/ action.yml action.yaml',
    { telling: /\b(?:run|uses|on|permissions|env|secrets|pull_request_target)\b/, restrains: true },
  ),
  entry(
    'ci',
    'medium',
    ['GitLab CI', 'on push, with the variables of the project'],
    '.gitlab-ci.yml .gitlab-ci.yaml *.gitlab-ci.yml .gitlab-ci/ .gitlab/',
    { restrains: true },
  ),
  entry(
    'ci',
    'medium',
    ['CircleCI, Jenkins, Azure Pipelines, Buildkite or another CI service', 'on push, with its secrets'],
    `
      .circleci/ circle.yml jenkinsfile jenkinsfile.* *.jenkinsfile azure-pipelines.yml azure-pipelines.yaml
      azure-pipelines*.yml .azure-pipelines/ .azure/ .azuredevops/ .vsts-ci.yml .buildkite/ buildkite.yml buildkite.yaml
      .travis.yml .travis.yaml bitbucket-pipelines.yml .drone.yml .drone.yaml .drone.star .drone.jsonnet appveyor.yml
      .appveyor.yml .cirrus.yml .cirrus.yaml .cirrus.star cirrus.yml cloudbuild.yaml cloudbuild.yml cloudbuild.json
      buildspec.yml buildspec.yaml appspec.yml .woodpecker/ .woodpecker.yml .woodpecker.yaml .teamcity/ .forgejo/ .gitea/
      .semaphore/ wercker.yml codefresh.yml .codefresh/ codemagic.yaml bitrise.yml .bitrise.yml .tekton/ .builds/
      .build.yml .sourcehut/ .harness/ concourse.yml .concourse/ .space.kts .ci/ tox-ci.ini .zuul.yaml zuul.yaml zuul.d/
      .zuul.d/ screwdriver.yaml .onedev-buildspec.yml shippable.yml .sauce/ heroku.yml render.yaml fly.toml railway.json
      railway.toml app.yaml .platform.app.yaml .ebextensions/ .do/ nixpacks.toml amplify.yml xcode-cloud.yml ci_scripts/
      .readthedocs.yml .readthedocs.yaml`,
  ),
  entry(
    'ci',
    'medium',
    ['the forge', 'on push: who must review, what is updated by itself'],
    `
      codeowners .github/dependabot.yml .github/dependabot.yaml .github/settings.yml .github/renovate.json
      .github/mergify.yml .mergify.yml .github/* .kodiak.toml .bulldozer.yml .policy.yml .allstar/ .snyk
      sonar-project.properties .gitleaks.toml .gitleaksignore .trivyignore .secrets.baseline .trufflehog.yml
      osv-scanner.toml .nsprc audit-ci.json .grype.yaml`,
    { restrains: true },
  ),
  entry(
    'agent-instructions',
    'high',
    [
      'a coding agent outside of the cage',
      'when an agent is next started in the project: it follows what is written there',
    ],
    `
      claude.md claude.local.md agents.md agents.override.md agents.local.md agent.md gemini.md gemini.local.md copilot.md
      qwen.md crush.md warp.md opencode.md codex.md amp.md kiro.md jules.md devin.md junie.md conventions.md skill.md
      soul.md .cursorrules .cursorrules.* .windsurfrules .clinerules .clinerules-* .roorules .roorules-* .goosehints
      .rules .ruler/ .aiderrules .aider.*.md .kilocoderules .trae/rules/ llms.txt llms-full.txt .augment-guidelines
      replit.md .openhands_instructions best_practices.md *.prompt.md *.instructions.md *.chatmode.md *.agent.md *.mdc
      *.prompt.yml`,
  ),
  entry(
    'agent-instructions',
    'high',
    ['GitHub Copilot and kin', 'when it is next used in the project, in the editor or on the forge'],
    `
      .github/copilot-instructions.md .github/instructions/ .github/prompts/ .github/agents/ .github/chatmodes/
      .github/skills/ .github/hooks/ .github/mcp.json .github/copilot/`,
  ),
  entry(
    'agent-instructions',
    'low',
    ['a coding agent outside of the cage', 'when it is next started: what it may read and what it leaves out'],
    `
      .cursorignore .cursorindexingignore .geminiignore .aiderignore .claudeignore .codeiumignore .aiexclude .rooignore
      .clineignore .augmentignore .copilotignore .llmignore .botignore .aiignore .noai`,
    { restrains: true },
  ),
  entry(
    'agent-settings',
    'critical',
    ['Claude Code', 'when an agent is next started in the project: hooks, servers, permissions, skills, commands'],
    `
      .claude/ .claude-plugin/ .claude.json claude.json claude_desktop_config.json managed-settings.json managed-mcp.json
      hooks/hooks.json`,
    {
      telling:
        /"(?:hooks|command|env|permissions|allow|deny|apiKeyHelper|statusLine|mcpServers|enableAllProjectMcpServers|\w+_URL)"|awsAuthRefresh|allowed-tools/,
      restrains: true,
    },
  ),
  entry(
    'agent-settings',
    'critical',
    [
      'a coding agent outside of the cage',
      'when an agent is next started in the project: it starts servers, which are programs',
    ],
    `
      .mcp.json mcp.json *.mcp.json .mcp/ mcp.toml mcp.yaml mcp_config.json mcp_settings.json mcp-servers.json
      smithery.yaml`,
    { telling: /"(?:command|args|url|env)"/ },
  ),
  entry(
    'agent-settings',
    'critical',
    [
      'Codex, Gemini CLI, Cursor, opencode, Windsurf, Copilot, OpenClaw or another agent',
      'when an agent is next started in the project: hooks, servers, permissions, skills, rules',
    ],
    `
      .codex/ .gemini/ .cursor/ .opencode/ opencode.json opencode.jsonc .openclaw/ openclaw.json .clawdbot/ .windsurf/
      .codeium/ .copilot/ .clinerules/ .cline/ .roo/ .roomodes .kilocode/ .kilocodemodes .continue/ .continuerc.json
      .continuerules .aider/ .aider.conf.yml .aider.conf.yaml .aider.model.* .goose/ .config/goose/ .kiro/ .amazonq/ .q/
      .agents/ .agent/ .junie/ .qwen/ .crush.json crush.json .crush/ .factory/ .augment/ .trae/ .zencoder/ .amp/ .warp/
      .openhands/ .sourcegraph/ .tabnine/ .cody/ .pi/ .devin/ .jules/ .superset/ .conductor/ conductor.json
      .container-use/ .claude-flow/ .ai/ .llm/ .antigravity/ .void/ .swe-agent/ .plandex/ .mentat/ .gptme/ gptme.toml
      .serena/ .taskmaster/ .bmad-core/ .specify/ .rulesync/ skills/`,
    {
      telling:
        /"?(?:command|hooks?|mcp\w{0,20}|args|url|allow\w{0,20}|permission\w{0,20}|trust\w{0,20})"?\s{0,20}[:=]/i,
      restrains: true,
    },
  ),
  entry(
    'agent-settings',
    'critical',
    ['ironcage and other cages', 'when the next cage of the project is made'],
    `
      .ironcage.toml .cage.env .cageprotect .cageignore cage.yaml cage.yml .cage.yaml .sandcage.yaml .sandcage.yml
      .sandcage/ .trusty-cage/ .trusty-cage.toml .agentcage/ .srt-settings.json .sandboxrc .sbx/`,
    { restrains: true },
  ),
];
