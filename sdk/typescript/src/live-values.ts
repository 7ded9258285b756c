/** Live config as a tree, kept current by the changes of the event `liveConfig`. */

type Tree = Record<string, unknown>;

/** The values with the changes in them; the tree that was given stays as it is. */
export function withChanges(values: Tree, changes: Record<string, unknown>): Tree {
  return Object.entries(changes).reduce((tree, [pointer, value]) => {
    const keys = pointer.split("/").slice(1).map(unescaped);
    return keys.length > 0 ? put(tree, keys, value) : tree;
  }, values);
}

const unescaped = (key: string) => key.replaceAll("~1", "/").replaceAll("~0", "~");

function put(tree: Tree, [key, ...rest]: string[], value: unknown): Tree {
  // A key such as `__proto__` would change the object itself instead of its values.
  if (key === undefined || key === "__proto__") return tree;
  if (rest.length === 0) return { ...tree, [key]: value };
  const below = tree[key];
  const isTree = typeof below === "object" && below !== null && !Array.isArray(below);
  return { ...tree, [key]: put(isTree ? (below as Tree) : {}, rest, value) };
}
