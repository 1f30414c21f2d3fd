/**
 * Texts of ours write a command that is to be typed as `` `tidings status` ``, or at the beginning
 * of a line, where a comment may follow. This finds both, whatever is quoted in them; its group is
 * the command without the program's name.
 */
export const COMMAND_IN_TEXT =
  /(?<=^|`)tidings ((?:'[^']*'|"[^"]*"|\\.|(?!\s+(?:#|$))[^`'"\\\n])+)/gm;
