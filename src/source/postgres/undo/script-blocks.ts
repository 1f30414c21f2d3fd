import { quoteLiteral } from '../quote.ts';

/** A block that raises an error when the condition is true. */
export function guard(condition: string, message: string): string {
  const text = quoteLiteral(message.replaceAll('%', '%%'));
  return doBlock(`BEGIN
  IF ${condition} THEN RAISE EXCEPTION ${text}; END IF;
END`);
}

/** @param message with a % for the key of the first row that is found. */
export function guardRow(select: string, message: string): string {
  return doBlock(`DECLARE found text[]; BEGIN
  FOR found IN ${select} LIMIT 1 LOOP RAISE EXCEPTION ${quoteLiteral(message)}, found; END LOOP;
END`);
}

/** Names of tables and columns are somebody else's: they must not end the block they are in. */
export function doBlock(body: string): string {
  let tag = '$undo$';
  while (body.includes(tag)) tag = tag.replace(/\$$/, '_$');
  return `DO ${tag}\n${body} ${tag};\n`;
}
