/** Below the space, and DEL: what would break a line, a terminal or a document that it is printed in. */
const controls = /(?![\u0080-\u009F])\p{Cc}/u

export function holdsControl(text: string): boolean {
  return controls.test(text)
}
