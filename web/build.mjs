// Builds the page: `node build.mjs [FOLDER]`; without FOLDER where the package looks for it.
import { build } from "esbuild";
import { cp, mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "../model_metamers/people/page"));

await mkdir(out, { recursive: true });
const { metafile } = await build({
  entryPoints: [join(here, "src/main.js")],
  metafile: true,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  legalComments: "none",
  outfile: join(out, "page.js"),
});
await build({ entryPoints: [join(here, "src/page.css")], minify: true, outfile: join(out, "page.css") });
await checkNotice(Object.keys(metafile.inputs));
await cp(join(here, "THIRD_PARTY.txt"), join(out, "THIRD_PARTY.txt"));
await cp(join(here, "src/icon.svg"), join(out, "icon.svg"));
await cp(join(here, "src/index.html"), join(out, "index.html")); // last: the page is whole when it is there

// Every package in the bundle, at its version, stands in the notice.
async function checkNotice(inputs) {
  const notice = await readFile(join(here, "THIRD_PARTY.txt"), "utf8");
  const folders = inputs.map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]);
  for (const folder of new Set(folders.filter(Boolean))) {
    const { name, version } = JSON.parse(await readFile(resolve(folder, "package.json"), "utf8"));
    if (!notice.includes(`${name} ${version} `)) throw new Error(`THIRD_PARTY.txt: ${name} ${version} is missing`);
  }
}
