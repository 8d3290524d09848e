// What an agent that works unattended is told about messages: what to send when, how to ask, and what to leave. Goes into its own file of
// instructions, or ahead of its prompt. Pure text.
import { MESSAGE_TYPES } from '../guest/message-types.mjs';
import type { ToolServer } from '../agents/profile.ts';
import { INSIDE_BIN } from '../backends/host/layout.ts';

/** The same messages as tools, for agents that take them so. */
export const MESSAGE_SERVER: ToolServer = {
  name: 'ironcage',
  command: `${INSIDE_BIN}/cage-mcp`,
  // By it a message says which run sent it.
  variables: ['IRONCAGE_RUN'],
};

/** `agent`: its name. `tools`: whether it was told of the server above. */
export function messagingInstructions(agent: string, tools = false): string {
  return `# Working in a cage (ironcage)

This holds where the variable IRONCAGE_RUN is set. You work unattended in an isolated cage. Nobody sees your terminal.
Whoever gave you the task reads messages, which you send with the command \`${INSIDE_BIN}/cage-send\` and receive with \`${INSIDE_BIN}/cage-wait\`.${
    tools ? ' The tools send_message, wait_for_message and ask_question of the server ironcage do the same.' : ''
  }

- Say what you do, at least every three minutes and at each step:
  \`${send('progress_update')}\`
- Ask when a decision is not yours to take or the task is not clear, then wait for the answer. The id that cage-send prints names the question:
  \`${send('question')}\`
  \`${INSIDE_BIN}/cage-wait --reply-to ID --timeout 100\`
- Ask for files or facts that are not in the cage:
  \`${send('info_request')}\`
- Tell of trouble:
  \`${send('error')}\`
- When the task is done, or cannot be done, always say so, with exit_code 0 for success and another number for failure:
  \`${send('task_complete')}\`
- Then wait: a \`task_revision\` says what to do next. Do it, and send task_complete again.
  \`${INSIDE_BIN}/cage-wait --timeout 100\`
- cage-wait prints one message as JSON. It prints POLL_TIMEOUT and exits with 1 when none came: ${waiting(agent)}
  After ten minutes without a message send going_idle and end:
  \`${send('going_idle')}\`

Verify your work: run the tests, the build, the linter. Start no servers or other programs in the background that outlive the step they
are for, and do not use pkill or killall: they end your own process as well. What you leave running ends with you.
`;
}

/** The line that sends such a message. */
function send(type: string): string {
  // With its directory: shells of some agents set PATH anew.
  return `${INSIDE_BIN}/cage-send ${type} '${JSON.stringify(MESSAGE_TYPES[type]?.example)}'`;
}

/** Commands that an agent runs have a time limit of their own. */
function waiting(agent: string): string {
  return agent === 'claude'
    ? 'run it again. Keep --timeout below the time limit of your Bash tool.'
    : 'run it again. Keep --timeout below the time limit of your commands.';
}
