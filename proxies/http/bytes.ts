export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COLON = 0x3a
export const SEMICOLON = 0x3b

/** Lower-case letter of a token character, 0 for anything else (RFC 9110 section 5.6.2). */
export const TOKEN = table((code) => {
  const char = String.fromCharCode(code)
  return /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char) ? char.toLowerCase().charCodeAt(0) : 0
})

/** 1 for what a field value may hold: HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5). */
export const VALUE = table((code) => Number(code === TAB || (code >= SP && code !== 0x7f)))

/** 1 for what a request target may hold. Envoy refuses fragments, we too. */
export const TARGET = table((code) => Number(code > SP && code < 0x7f && code !== 0x23))

/** Value of a hexadecimal digit, 255 for anything else. */
export const HEX = table((code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(value) ? 255 : value
})

function table(of: (code: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => of(code))
}
