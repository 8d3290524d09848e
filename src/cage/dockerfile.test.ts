import { expect, test } from 'vitest';
import { readDockerfile } from './dockerfile.ts';

const read = (text: string) => readDockerfile(text, 'Dockerfile');

test.each<[string, string, boolean, readonly string[]]>([
  ['our base', 'ARG PARENT\nFROM ${PARENT}\nRUN true\n', true, []],
  ['our base without braces', 'arg PARENT=x\nfrom $PARENT as top\n', true, []],
  ['our base over a broken line', 'ARG PARENT\nFROM \\\n# a remark\n  "${PARENT}"\n', true, []],
  ['an image by name', '# syntax=docker/dockerfile:1\nFROM debian:bookworm-slim\n', false, ['debian:bookworm-slim']],
  ['a platform beside it', 'FROM --platform=$BUILDPLATFORM golang:1.23 AS build\nFROM build\n', false, ['golang:1.23']],
  ['an argument’s default', 'ARG V=3.20 N="alpine"\nFROM ${N}:${V}\n', false, ['alpine:3.20']],
  ['a default at its use', 'FROM ${N:-alpine}\n', false, ['alpine']],
  ['nothing below', 'FROM scratch\nCOPY a /\n', false, []],
  [
    'stages',
    'FROM a AS one\nFROM b\nCOPY --from=one /x /\nCOPY --from=0 /y /\nCOPY --from=c:1 /z /\n',
    false,
    ['a', 'b', 'c:1'],
  ],
  ['a mount', 'FROM a\nRUN --mount=type=bind,from=tool:2,target=/t true\n', false, ['a', 'tool:2']],
  ['ours and another', 'ARG PARENT\nFROM go AS g\nFROM ${PARENT}\nCOPY --from=g /x /\n', true, ['go']],
  ['a from in a command', 'FROM a\nRUN pip install --from=b c\n', false, ['a']],
])('a Dockerfile that takes %s is understood', (_, text, usesParent, images) => {
  expect(read(text)).toEqual({ usesParent, images });
});

test.each<[string, string, RegExp]>([
  ['nothing', '', /no FROM/],
  ['an argument that nobody gives', 'ARG X\nFROM ${X}\n', /cannot be told which image/],
  ['our argument, not declared', 'FROM ${PARENT}\n', /cannot be told which image/],
  ['an option in an image’s place', 'FROM a\nCOPY --from=--privileged /x /\n', /cannot be told which image/],
  ['a substitution that is not known', 'ARG A=x\nFROM ${A%x}\n', /cannot be told which image/],
  ['a builder of its own', '# syntax=evil.example/frontend\nFROM a\n', /another program/],
  ['a builder of its own behind another', '# syntax=docker/dockerfile:1@evil\nFROM a\n', /another program/],
])('a Dockerfile with %s is refused', (_, text, because) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: 'E_USAGE', because: expect.stringMatching(because) }),
  );
});
