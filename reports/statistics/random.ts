export type Random = () => number

/**
 * sfc32 (Chris Doty-Humphrey's small fast counter), so that a report made twice from one result is
 * the same to the last digit. The label gives every metric and pair its own stream: adding one
 * metric does not move the interval of another.
 */
export function seededRandom(seed: number, label: string): Random {
  let a = seed | 0
  let b = fnv1a(label)
  let c = 0x9e3779b9 | 0
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let mixed = 0; mixed < 12; mixed += 1) next()
  return next
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  }
  return hash | 0
}
