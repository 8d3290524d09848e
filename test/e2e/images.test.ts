// Images over the real engines: what makes one stale, what leaves it alone, and that a failed build leaves nothing. The
// parent is a file of the test's own, so that nothing is fetched.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findEngines } from '../../src/backends/container/detect.ts';
import { askEngine, callEngine, type Engine } from '../../src/backends/container/engine.ts';
import { ensureImage, type BuiltImage, type ImageRecipe } from '../../src/backends/container/image-build.ts';
import { findImage } from '../../src/backends/container/image-facts.ts';
import { ensureBase } from '../../src/cage/base-image.ts';
import { buildCustom, readCustom } from '../../src/cage/custom-image.ts';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { run } from '../../src/platform/processes.ts';
import { BUILDX_CONFIG, buildxReason } from '../support/buildx.ts';
import { TEST_IMAGE } from '../support/engines.ts';

const host = hostEnvironment();
/** The classic builders, and buildx where `npm run setup -- --tests` has put it. */
const BUILDERS = [
  { kind: 'docker', label: 'docker', environment: host },
  { kind: 'podman', label: 'podman', environment: host },
  { kind: 'docker', label: 'docker with buildx', environment: { ...host, DOCKER_CONFIG: BUILDX_CONFIG } },
] as const;
const PREPARE = fileURLToPath(new URL('../../images/base/prepare.sh', import.meta.url));
const PARENT = 'localhost/ironcage-images-test:parent';

for (const { kind, label, environment } of BUILDERS) {
  const without = label.endsWith('buildx') ? buildxReason() : undefined;
  const findings = await findEngines(kind, environment);
  const found = without === undefined ? findings.find(({ engine }) => engine !== undefined)?.engine : undefined;
  const reasons = without ?? findings.map((finding) => finding.reason).join('; ');
  const reason = found === undefined ? ` (skipped: ${reasons})` : '';
  const debian = found === undefined ? undefined : await findImage(found, TEST_IMAGE);

  describe.skipIf(found === undefined)(`images of ${label}${reason}`, () => {
    let engine: Engine;
    let directory: string;
    let recipe: string;
    let scratch: string;
    let told: string[];
    const made = new Set<string>();

    const importParent = async (text: string): Promise<void> => {
      writeFileSync(join(directory, 'parent.txt'), text);
      const tar = join(directory, 'parent.tar');
      await run('tar', ['-C', directory, '-cf', tar, 'parent.txt'], { env: environment });
      made.add((await askEngine(engine, ['import', tar, PARENT], 'import the parent')).replace('sha256:', ''));
    };

    const ensure = async (changes: Partial<ImageRecipe> = {}, force = false): Promise<BuiltImage> => {
      const built = await ensureImage(
        engine,
        {
          ...{ tier: 'base', name: 'images-test', directory: recipe, parent: PARENT, pins: [] },
          ...{ arguments: { WORD: 'one' }, userArguments: {} },
          addPrograms: async (programs) => writeFileSync(join(programs, 'program'), 'a program'),
          ...changes,
        },
        { force, scratch, progress: (line) => told.push(line) },
      );
      made.add(built.image);
      return built;
    };

    beforeAll(() => {
      if (found === undefined) throw new Error('no engine');
      engine = found;
    });
    beforeEach(async () => {
      told = [];
      directory = mkdtempSync(join(tmpdir(), 'ironcage-images-'));
      recipe = join(directory, 'recipe');
      scratch = join(directory, 'scratch');
      mkdirSync(recipe);
      mkdirSync(scratch);
      writeFileSync(
        join(recipe, 'Dockerfile'),
        'ARG PARENT\nFROM ${PARENT}\nARG WORD\nENV W=${WORD}\nCOPY copied.txt programs /\n',
      );
      writeFileSync(join(recipe, 'copied.txt'), 'copied');
      await importParent('parent');
    });
    afterEach(() => rmSync(directory, { recursive: true }));
    afterAll(async () => {
      for (const image of [...made].reverse()) await callEngine(engine, ['image', 'rm', '--force', image]);
    });

    test('is built by the builder that is meant', async () => {
      await ensure();
      expect(told.some((line) => /#\d+ \[/.test(line))).toBe(label.endsWith('buildx'));
    });

    test('is built once, says so in its label, and is left alone after that', async () => {
      const first = await ensure();
      expect(first).toMatchObject({ built: true, parent: PARENT });
      expect(first.image).toBe(`localhost/ironcage:images-test-${first.inputs.slice(0, 12)}`);
      expect(await findImage(engine, first.image)).toMatchObject({ id: first.id, inputs: first.inputs });
      expect(told.filter((line) => /step \d+\/\d+|#\d+ \[/i.test(line))).not.toEqual([]);
      told = [];
      expect(await ensure()).toMatchObject({ built: false, id: first.id, image: first.image });
      expect(told).toEqual(['images-test: unchanged']);
      expect(readdirSync(scratch)).toEqual([]);
    });

    test('keeps no word of a proxy that the user gave', async () => {
      const password = 'pa55-of-the-proxy';
      const built = await ensure({ userArguments: { HTTPS_PROXY: `http://me:${password}@192.0.2.1:1` } });
      const history = await askEngine(engine, ['history', '--no-trunc', built.image], 'show the history');
      const inspected = await askEngine(engine, ['image', 'inspect', built.image], 'inspect it');
      expect(inspected).toContain('W=one');
      expect(history + inspected + told.join('\n')).not.toContain(password);
    });

    test('that cannot be built is an error with the reason, and there is none', async () => {
      writeFileSync(join(recipe, 'Dockerfile'), 'ARG PARENT\nFROM ${PARENT}\nCOPY absent.txt /\n');
      const images = async (): Promise<string> =>
        (
          await askEngine(
            engine,
            ['image', 'ls', '--quiet', '--filter', 'reference=localhost/ironcage:images-test-*'],
            'list them',
          )
        )
          .split('\n')
          .sort()
          .join(' ');
      const before = await images();
      await expect(ensure()).rejects.toMatchObject({
        code: 'E_BACKEND',
        because: expect.stringContaining('absent.txt'),
      });
      expect(await images()).toBe(before);
      expect(readdirSync(scratch)).toEqual([]);
    });

    // What follows is the same whoever builds.
    if (label === 'docker with buildx') return;

    test('is built again when the engine has lost it, whatever was built before', async () => {
      const first = await ensure();
      await askEngine(engine, ['image', 'rm', '--force', first.image], 'remove it');
      expect(await ensure()).toMatchObject({ built: true, image: first.image });
    });

    test('is built again when forced, under the same name', async () => {
      const first = await ensure();
      const second = await ensure({}, true);
      expect(second).toMatchObject({ built: true, image: first.image, inputs: first.inputs });
      expect(second.id === first.id || (await findImage(engine, first.id)) === undefined).toBe(true);
    });

    test.each<[string, () => Promise<Partial<ImageRecipe>>]>([
      [
        'the Dockerfile',
        async () => (writeFileSync(join(recipe, 'Dockerfile'), 'ARG PARENT\nFROM ${PARENT}\nARG WORD\n'), {}),
      ],
      ['a copied file', async () => (writeFileSync(join(recipe, 'copied.txt'), 'other'), {})],
      ['an argument', async () => ({ arguments: { WORD: 'two' } })],
      ['an argument of the user', async () => ({ userArguments: { HTTP_PROXY: 'http://192.0.2.1:1' } })],
      ['a pin', async () => ({ pins: ['just@2'] })],
      ['the parent behind its name', async () => (await importParent('another parent'), {})],
    ])('a change of %s makes another image, and the old one stays', async (_, change) => {
      const first = await ensure();
      const second = await ensure(await change());
      expect(second.built).toBe(true);
      expect(second.image).not.toBe(first.image);
      expect(await findImage(engine, first.image)).toBeDefined();
    });

    describe('of a user’s Dockerfile', () => {
      const OURS = 'ARG PARENT\nFROM ${PARENT}\nCOPY . /all/\n';
      const custom = async (dockerfile: string, parent: string | undefined = PARENT): Promise<BuiltImage> => {
        const path = join(recipe, 'Dockerfile');
        writeFileSync(path, dockerfile);
        const read = readCustom(path, { packages: [], toolchains: [] });
        rmSync(scratch, { recursive: true });
        mkdirSync(scratch);
        const site = { engine, scratch, buildArguments: {}, pull: false, progress: (line: string) => told.push(line) };
        const built = await buildCustom(site, read, read.usesParent ? parent : undefined);
        made.add(built.image);
        return built;
      };

      test('is built once, under a tag of its own, and again when a file changes that goes into it', async () => {
        writeFileSync(join(recipe, '.dockerignore'), 'left-out\n');
        const first = await custom(OURS);
        expect(first).toMatchObject({ tier: 'custom', built: true, parent: PARENT });
        expect(first.image).toMatch(/^localhost\/ironcage:custom-[0-9a-f]{12}$/);
        writeFileSync(join(recipe, 'left-out'), 'not seen');
        expect(await custom(OURS)).toMatchObject({ built: false, id: first.id });
        writeFileSync(join(recipe, 'copied.txt'), 'changed');
        const second = await custom(OURS);
        expect(second.built).toBe(true);
        expect(second.image).not.toBe(first.image);
        expect((await custom(`${OURS}ENV A=b\n`)).image).not.toBe(second.image);
      });

      test('may stand on any image, and is built again when that is another', async () => {
        const text = `FROM ${PARENT}\nCOPY copied.txt /\n`;
        const first = await custom(text);
        expect(first).toMatchObject({ built: true, parent: undefined });
        expect(await custom(text)).toMatchObject({ built: false });
        await importParent('another parent');
        const second = await custom(text);
        expect(second.built).toBe(true);
        expect(second.image).not.toBe(first.image);
      });

      test('may stand on nothing', async () => {
        // The same text may have been built by another run.
        const text = `FROM scratch\nLABEL of=${JSON.stringify(directory)}\nCOPY copied.txt /\n`;
        expect(await custom(text)).toMatchObject({ built: true, parent: undefined });
      });

      test('reads nothing of this machine through a link', async () => {
        writeFileSync(join(directory, 'secret'), 'of the host');
        for (const [name, target] of [
          ['absolute', join(directory, 'secret')],
          ['relative', '../secret'],
          ['far', '../../secret'],
        ] as const) {
          symlinkSync(target, join(recipe, name));
          await expect(custom(`FROM ${PARENT}\nCOPY ${name} /\n`), name).rejects.toMatchObject({ code: 'E_BACKEND' });
        }
      });

      test.skipIf(debian === undefined)('shows nothing that a terminal would obey', async () => {
        const text = `FROM ${TEST_IMAGE}\nRUN printf '\\033]0;title\\007\\033[31mred\\040words\\033[2J\\n'; false\n`;
        const error: unknown = await custom(text).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'E_BACKEND', because: expect.stringContaining('red words') });
        // oxlint-disable-next-line no-control-regex
        expect(JSON.stringify([error, told])).not.toMatch(/\\u001b|\\u0007/);
      });
    });

    test.skipIf(debian === undefined)('goes without uv where it is not to be had, and says so every time', async () => {
      const base = async (userArguments: Readonly<Record<string, string>> = {}): Promise<BuiltImage> => {
        const given = { tier: 'base', name: 'images-test', directory: recipe, parent: TEST_IMAGE, pins: [] } as const;
        const options = { force: false, scratch, progress: (line: string) => told.push(line) };
        const built = await ensureBase(engine, { ...given, arguments: {}, userArguments }, options);
        made.add(built.image);
        return built;
      };
      const tell = (): string[] => told.splice(0).filter((line) => line.includes('--build-arg UV=1'));
      const step = 'RUN [ "${UV}" = 0 ] || { echo "uv is not to be had: unplugged" >&2; exit 1; }';
      writeFileSync(join(recipe, 'Dockerfile'), `ARG PARENT\nFROM \${PARENT}\nARG UV=1\n${step}\n`);
      const first = await base();
      expect(first.built).toBe(true);
      expect(tell()).toHaveLength(1);
      expect(await base()).toMatchObject({ built: false, id: first.id });
      expect(tell()).toHaveLength(1);
      await expect(base({ UV: '1' })).rejects.toMatchObject({ code: 'E_BACKEND' });
      expect(await base({ UV: '0' })).toMatchObject({ built: false, id: first.id });
      // Any other failure is one.
      writeFileSync(join(recipe, 'Dockerfile'), 'ARG PARENT\nFROM ${PARENT}\nARG UV=1\nRUN [ "${UV}" = 0 ]\n');
      await expect(base()).rejects.toMatchObject({ code: 'E_BACKEND' });
      expect(tell()).toEqual([]);
    });

    test.skipIf(debian === undefined)(
      'has its programs on PATH and no file that runs as somebody else but sudo',
      async () => {
        cpSync(PREPARE, join(recipe, 'prepare.sh'));
        writeFileSync(
          join(recipe, 'Dockerfile'),
          'ARG PARENT\nFROM ${PARENT}\nARG LINKS\nCOPY prepare.sh /\nCOPY programs/ /opt/ironcage/\nRUN chmod 6755 /usr/bin/id && LINKS="${LINKS}" sh /prepare.sh\n',
        );
        const built = await ensure({
          parent: TEST_IMAGE,
          arguments: { LINKS: 'greet=/opt/ironcage/greet' },
          addPrograms: async (programs) => {
            writeFileSync(join(programs, 'greet'), '#!/bin/sh\necho hello\n', { mode: 0o755 });
          },
        });
        const script = 'greet; find / -xdev -type f -perm /6000';
        const inside = ['run', '--rm', '--network', 'none', built.image, 'sh', '-c', script];
        expect(await askEngine(engine, inside, 'look into it')).toBe('hello\n/usr/bin/sudo');
      },
    );
  });
}
