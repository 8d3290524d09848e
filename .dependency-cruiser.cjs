// Which room may look into which. The order is the house's: cli → index → cage … → backends … → platform.
const rooms = {
  platform: [],
  policy: [],
  secrets: ['platform', 'policy'],
  audit: ['platform', 'policy'],
  config: ['platform', 'policy'],
  egress: ['platform', 'policy', 'secrets', 'audit'],
  workspace: ['platform'],
  archive: ['platform', 'workspace'],
  backends: ['platform', 'policy', 'audit', 'secrets', 'egress', 'config'],
  agents: ['platform', 'policy', 'secrets', 'config'],
  cage: ['platform', 'policy', 'secrets', 'audit', 'config', 'egress', 'workspace', 'archive', 'backends', 'agents'],
  bus: ['platform', 'backends', 'agents', 'cage', 'guest'],
  runs: ['platform', 'policy', 'audit', 'workspace', 'backends', 'agents', 'cage', 'bus'],
  evidence: ['platform', 'audit', 'workspace', 'egress', 'agents', 'cage', 'bus', 'runs'],
  fleet: ['platform', 'policy', 'config', 'workspace', 'agents', 'cage', 'runs'],
  guest: [],
  mcp: ['index'],
  acp: ['index'],
  cli: ['platform', 'index', 'mcp', 'acp'],
};
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'policy-is-pure',
      severity: 'error',
      from: { path: '^src/policy/(?!.*\\.test\\.ts)' },
      to: { dependencyTypes: ['core'] },
    },
    ...Object.entries(rooms).map(([room, may]) => ({
      name: `${room}-looks-only-into-${may.join('-') || 'itself'}`,
      severity: 'error',
      from: { path: `^src/${room}/(?!.*\\.test\\.ts)` },
      to: {
        path: '^src/',
        pathNot: [`^src/${room}/`, ...may.map((other) => (other === 'index' ? '^src/index\\.ts$' : `^src/${other}/`))],
      },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
