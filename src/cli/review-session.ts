// `review` at a terminal: one undecided finding after the other, the gravest first. An answer holds for what was on the screen: what
// changed in the cage meanwhile stays undecided.
import { StringDecoder } from 'node:string_decoder';
import type { Opened, Session } from './command.ts';
import type { CageReview, ReviewedFile, ReviewRequest, ShownFinding } from './review-library.ts';
import { openLinePrompt, type LinePrompt } from './line-prompt.ts';
import { printFile } from './review-rows.ts';

type Asked = { review: CageReview; file: ReviewedFile; finding: ReviewedFile['findings'][number] };

type Answer = 'accept' | 'leave-out' | 'accept-class' | 'leave-class' | 'quit';

/** More of a file is for `ironcage diff --full`. */
const MAX_SHOWN_LINES = 200;
const MAX_SHOWN_CHARACTERS = 1024 * 1024;

/** Asks until all is decided, or until the person or the input ends it; returns what holds then. */
export async function decideAtTerminal(
  { library, context }: Opened,
  session: Session,
  shown: readonly CageReview[],
): Promise<readonly CageReview[]> {
  const { output } = session;
  const prompt = openLinePrompt(session.stdin);
  let reviews = shown;
  try {
    for (let asked = next(); asked !== undefined; asked = next()) {
      output.tell('');
      printFile(asked.file, (...spans) => output.tell(...spans));
      const answer = await ask(asked, prompt);
      if (answer === 'quit') break;
      await take(asked, answer);
    }
  } finally {
    prompt.close();
  }
  const left = reviews.reduce((sum, { undecided }) => sum + undecided, 0);
  output.tell(left === 0 ? 'all is decided: ironcage apply takes what was accepted' : `${left} undecided`);
  return reviews;

  function next(): Asked | undefined {
    return allUndecided(() => true)[0];
  }

  function allUndecided(wanted: (asked: Asked) => boolean): Asked[] {
    return reviews.flatMap((review) =>
      review.files
        .filter(({ decision }) => decision === 'undecided')
        .flatMap((file) =>
          file.findings
            .filter(({ decision }) => decision === 'undecided')
            .map((finding) => ({ review, file, finding }))
            .filter(wanted),
        ),
    );
  }

  async function take(asked: Asked, answer: Exclude<Answer, 'quit'>): Promise<void> {
    const whole = answer === 'accept-class' || answer === 'leave-class';
    const chosen = whole ? allUndecided(({ finding }) => finding.class === asked.finding.class) : [asked];
    const key = answer === 'accept' || answer === 'accept-class' ? 'accept' : 'leaveOut';
    const decided: CageReview[] = [];
    for (const review of reviews) {
      const own = chosen.filter((each) => each.review === review).map(shownFinding);
      const request: ReviewRequest = { [key]: own };
      decided.push(
        ...(own.length === 0
          ? [review]
          : await library.decideReview(context, review.cage, request, [review.dir ?? ''])),
      );
    }
    const still = chosen.filter(
      ({ review, file, finding }) => !isDecided(decided[reviews.indexOf(review)], file, finding.class),
    );
    for (const { file } of still) output.tell(['yellow', `  ${file.path} has changed meanwhile`]);
    reviews = decided;
  }

  async function ask({ review, file, finding }: Asked, lines: LinePrompt): Promise<Answer> {
    for (;;) {
      output.ask(
        `${finding.class}: [y]es, take it  [n]o, leave it out  [a]ll of ${finding.class}  [l]eave all of it out  [s]how  [q]uit:`,
      );
      const line = await lines.next(output.gone);
      switch (line) {
        case 'y':
          return 'accept';
        case 'n':
          return 'leave-out';
        case 'a':
          return 'accept-class';
        case 'l':
          return 'leave-class';
        case 's':
          await showFile(review, file);
          break;
        case undefined:
        case 'q':
          return 'quit';
        default:
          output.tell('  type one of the letters, then Enter');
      }
    }
  }

  async function showFile({ cage, dir }: CageReview, { path }: ReviewedFile): Promise<void> {
    let text = '';
    const decoder = new StringDecoder('utf8');
    await library.reviewFileText(context, cage, { path, dir }, async (piece) => {
      text += decoder.write(piece);
      return text.length < MAX_SHOWN_CHARACTERS;
    });
    const lines = text.slice(0, MAX_SHOWN_CHARACTERS).split('\n');
    for (const line of lines.slice(0, MAX_SHOWN_LINES)) output.tell(line);
    if (lines.length > MAX_SHOWN_LINES || text.length > MAX_SHOWN_CHARACTERS)
      output.tell(`… ironcage diff ${cage} --full shows the rest`);
  }
}

function shownFinding({ file, finding }: Asked): ShownFinding {
  return { path: file.path, class: finding.class, content: file.content };
}

function isDecided(review: CageReview | undefined, { path, content }: ReviewedFile, findingClass: string): boolean {
  const file = review?.files.find((each) => each.path === path && each.content === content);
  return file?.findings.some((each) => each.class === findingClass && each.decision !== 'undecided') === true;
}
