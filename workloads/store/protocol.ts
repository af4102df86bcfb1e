/**
 * The line protocol of the store: a small key-value service over raw TCP in which the server speaks
 * first, as SMTP and MySQL do. A mesh that waits for the client's first bytes to tell protocols apart
 * stalls on it, so it shows whether TCP ports are really carried as TCP.
 *
 * Lines end with \n (a \r before it is ignored). On connecting the server says `+HELLO store/1`.
 * Every command line gets exactly one reply line, in order; `+` is success, `-ERR reason` is not.
 *
 *   PING              +PONG
 *   SET key value     +OK           the value is the rest of the line
 *   GET key           +value        nothing after the plus: the key holds nothing
 *   ADD key number    +sum          what holds no number counts as 0
 *   DEL key           +OK
 *   QUIT              +BYE          and the server closes
 *
 * A server that goes away says `+BYE` unasked and closes: commands without a reply until then were not
 * carried out and may be sent again elsewhere.
 */
export const greeting = '+HELLO store/1'
export const farewell = '+BYE'

export interface Store {
  /** The reply to one command line, without line end. */
  answer(line: string): string
}

/** A store is for demonstrations; it must not grow without bound under somebody's loop. */
const mostKeys = 10_000

export function createStore(): Store {
  const values = new Map<string, string>()

  const put = (key: string, value: string, reply: string): string => {
    if (values.size >= mostKeys && !values.has(key))
      return `-ERR no room for more than ${mostKeys} keys`
    values.set(key, value)
    return reply
  }

  return {
    answer: (line) => {
      const [, verb = '', key = '', rest = ''] = /^(\S*) ?(\S*) ?(.*)$/s.exec(line) ?? []
      const command = verb.toUpperCase()
      if (command === 'PING') return '+PONG'
      if (command === 'QUIT') return farewell
      if (!['GET', 'SET', 'ADD', 'DEL'].includes(command)) return `-ERR unknown command ${verb}`
      if (key === '') return `-ERR ${command} needs a key`
      if (command === 'GET') return `+${values.get(key) ?? ''}`
      if (command === 'SET') return put(key, rest, '+OK')
      if (command === 'ADD') {
        const sum = (Number(values.get(key)) || 0) + Number(rest)
        return Number.isFinite(sum) ? put(key, String(sum), `+${sum}`) : '-ERR ADD needs a number'
      }
      values.delete(key)
      return '+OK'
    },
  }
}
