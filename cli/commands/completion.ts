import { Argument, type Command as Commander, Option } from 'commander'
import type { CompletedCommand } from '../completion/script.ts'
import type { Command } from '../context.ts'

const examples = `
Examples:
  # bash, for every new shell
  meshbench completion bash > ~/.local/share/bash-completion/completions/meshbench
  # zsh, into a folder of $fpath
  meshbench completion zsh > "\${fpath[1]}/_meshbench"
  # fish
  meshbench completion fish > ~/.config/fish/completions/meshbench.fish
`

export function buildCompletion(
  program: Commander,
  act: (run: Command<string>) => (shell: string) => Promise<void>,
): void {
  program
    .command('completion')
    .summary('print a completion script for bash, zsh or fish')
    .description('Prints a script that completes commands and options in a shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpOption(new Option('-h, --help', 'print help'))
    .addHelpText('after', examples)
    .action(
      act(async (shell, context) => {
        const { completionScript } = await import('../completion/script.ts')
        context.out(completionScript(shell, program.commands.map(described)))
        return 0
      }),
    )
}

function described(command: Commander): CompletedCommand {
  const subcommands = command.commands.map(described)
  return {
    name: command.name(),
    summary: command.summary(),
    options: command.options.flatMap(({ long, description }) =>
      long === undefined || long === null ? [] : [{ name: long, summary: description }],
    ),
    subcommands,
  }
}
