export interface CompletedCommand {
  readonly name: string
  readonly summary: string
  readonly options: readonly { readonly name: string; readonly summary: string }[]
}

/** After an option that takes a value, or anywhere else, shells complete file names by themselves. */
export function completionScript(shell: string, commands: readonly CompletedCommand[]): string {
  if (shell === 'zsh') return zsh(commands)
  return shell === 'fish' ? fish(commands) : bash(commands)
}

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(
    ({ name, options }) =>
      `    ${name}) words="${options.map((option) => option.name).join(' ')}" ;;`,
  )
  return `_meshbench() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names(commands)} --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words --help" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _meshbench meshbench`
}

function zsh(commands: readonly CompletedCommand[]): string {
  const described = commands.map(
    ({ name, summary }) => `    ${quote(`${name}:${colons(summary)}`)}`,
  )
  const cases = commands.map(
    ({ name, options }) =>
      `    ${name}) _arguments ${options.map((option) => quote(`${option.name}[${brackets(option.summary)}]`)).join(' ')} '*:file:_files' ;;`,
  )
  return `#compdef meshbench
_meshbench() {
  local -a commands
  commands=(
${described.join('\n')}
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
  esac
}
if [ "$funcstack[1]" = _meshbench ]; then _meshbench "$@"; else compdef _meshbench meshbench; fi`
}

function fish(commands: readonly CompletedCommand[]): string {
  const none = `not __fish_seen_subcommand_from ${names(commands)}`
  return commands
    .flatMap(({ name, summary, options }) => [
      `complete -c meshbench -f -n ${quote(none)} -a ${name} -d ${quote(summary)}`,
      ...options.map(
        (option) =>
          `complete -c meshbench -n '__fish_seen_subcommand_from ${name}' -l ${option.name.slice(2)} -d ${quote(option.summary)}`,
      ),
    ])
    .join('\n')
}

const names = (commands: readonly CompletedCommand[]): string =>
  commands.map(({ name }) => name).join(' ')
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const colons = (text: string): string => text.replaceAll(':', '\\:')
const brackets = (text: string): string => text.replaceAll('[', '(').replaceAll(']', ')')
