export interface CompletedCommand {
  readonly name: string
  readonly summary: string
  readonly options: readonly { readonly name: string; readonly summary: string }[]
  readonly subcommands: readonly CompletedCommand[]
}

/** After an option that takes a value, or anywhere else, shells complete file names by themselves. */
export function completionScript(shell: string, commands: readonly CompletedCommand[]): string {
  if (shell === 'zsh') return zsh(commands)
  return shell === 'fish' ? fish(commands) : bash(commands)
}

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.flatMap((command) =>
    command.subcommands.length === 0
      ? [`    ${command.name}) words="${optionsOf(command)}" ;;`]
      : [
          `    ${command.name}) words="${names(command.subcommands)}"; word="\${COMP_WORDS[2]}"`,
          '      case "$word" in',
          ...command.subcommands.map(
            (one) => `        ${one.name}) words="${optionsOf(one)}"; group= ;;`,
          ),
          '        *) group=1 ;;',
          '      esac ;;',
        ],
  )
  return `_meshbench() {
  local words word group current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names(commands)} --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ -n "$group" ] && [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -W "$words --help" -- "$current"))
    return
  fi
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words --help" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _meshbench meshbench`
}

function zsh(commands: readonly CompletedCommand[]): string {
  return `#compdef meshbench
_meshbench() {
${zshChoice(commands)}
}
if [ "$funcstack[1]" = _meshbench ]; then _meshbench "$@"; else compdef _meshbench meshbench; fi`
}

/** Completes one word of `commands`, or what follows it. */
function zshChoice(commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ name, summary }) => quote(`${name}:${colons(summary)}`))
  const cases = commands.map((command) => `    ${command.name}) ${zshCase(command)} ;;`)
  return `  local -a commands
  commands=(
    ${described.join('\n    ')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac`
}

function zshCase({ options, subcommands }: CompletedCommand): string {
  if (subcommands.length > 0) return `\n${zshChoice(subcommands)}\n   `
  const described = options.map(({ name, summary }) => quote(`${name}[${brackets(summary)}]`))
  return `_arguments ${described.join(' ')} '*:file:_files'`
}

function fish(commands: readonly CompletedCommand[]): string {
  return fishChoice(commands, `not __fish_seen_subcommand_from ${names(commands)}`).join('\n')
}

function fishChoice(commands: readonly CompletedCommand[], when: string): readonly string[] {
  return commands.flatMap((command) => {
    const { name, summary, options, subcommands } = command
    const seen = `__fish_seen_subcommand_from ${name}`
    return [
      `complete -c meshbench -f -n ${quote(when)} -a ${name} -d ${quote(summary)}`,
      ...fishChoice(
        subcommands,
        `${seen}; and not __fish_seen_subcommand_from ${names(subcommands)}`,
      ),
      ...options.map(
        (option) =>
          `complete -c meshbench -n ${quote(seen)} -l ${option.name.slice(2)} -d ${quote(option.summary)}`,
      ),
    ]
  })
}

const names = (commands: readonly CompletedCommand[]): string =>
  commands.map(({ name }) => name).join(' ')
const optionsOf = ({ options }: CompletedCommand): string =>
  options.map(({ name }) => name).join(' ')
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const colons = (text: string): string => text.replaceAll(':', '\\:')
const brackets = (text: string): string => text.replaceAll('[', '(').replaceAll(']', ')')
