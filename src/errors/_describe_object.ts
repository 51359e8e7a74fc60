/** What errors call an object. */
export function describeObject(bucket: string, name: string): string {
  return `object ${JSON.stringify(name)} of object store ${JSON.stringify(bucket)}`;
}
