// Makes target/site from the browser's compiled program, style/ and public/: what a browser loads, with the hash of its
// content in its name, beside it the same compressed. `node scripts/site.mjs PROGRAM.wasm SITE_TOOL HASH_FILE`.
//
// Leptos looks for these names in HASH_FILE: js, wasm and css of `console`, `split` for the module that loads the
// others, `manifest` for the list of which page needs which.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(join(root, "scripts/tools/package.json"));
const { transform: minify } = require("esbuild");
const { bundle } = require("lightningcss");

const { default: binaryen } = await import(require.resolve("binaryen"));
// Harder optimisation makes the files smaller and what brotli makes of them larger: 494 kB after -Oz, 452 kB after -O1.
binaryen.setOptimizeLevel(1);
binaryen.setShrinkLevel(0);
const { BulkMemory, BulkMemoryOpt, Multivalue, MutableGlobals, NontrappingFPToInt, ReferenceTypes, SignExt } =
    binaryen.Features;
const features =
    BulkMemory | BulkMemoryOpt | Multivalue | MutableGlobals | NontrappingFPToInt | ReferenceTypes | SignExt;

// Nesting and the like are put into words that these understand.
const version = (major, minor = 0) => (major << 16) | (minor << 8);
const browsers = { chrome: version(109), firefox: version(115), safari: version(16, 4) };

const run = promisify(execFile);
const [program, tool, hashFile] = process.argv.slice(2);
const site = join(root, "target/site");
// Made beside it, so that a build that fails leaves the site as it was.
const next = join(root, "target/site.next");
const pkg = join(next, "pkg");

/** Calls `work` for each of `items`, as many at once as there are cores. */
async function forEach(items, work) {
    const waiting = [...items];
    const worker = async () => {
        for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
            await work(item);
        }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

const hashOf = (...contents) => {
    const hash = createHash("sha256");
    for (const content of contents) {
        hash.update(content);
    }
    return hash.digest("base64url").slice(0, 22);
};

/** Gives a file of `pkg` the hash of its content as part of its name. Returns the hash. */
async function name(stem, extension, content) {
    const hash = hashOf(content);
    await writeFile(join(pkg, `${stem}.${hash}.${extension}`), content);
    return hash;
}

async function take(file) {
    const path = join(pkg, file);
    const content = await readFile(path);
    await rm(path);
    return content;
}

async function style() {
    const { code } = bundle({
        filename: join(root, "style/main.css"),
        minify: true,
        targets: browsers,
    });
    return name("console", "css", code);
}

/** Reads a LEB128 number of `wasm`. Returns it and where the next thing begins. */
function number(wasm, at) {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
        const byte = wasm[at++];
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) {
            return [value, at];
        }
    }
}

function written(value) {
    const bytes = [];
    for (; value >= 0x80; value = Math.floor(value / 0x80)) {
        bytes.push((value & 0x7f) | 0x80);
    }
    return Buffer.from([...bytes, value]);
}

const CUSTOM = 0;
const CODE = 10;

/** The sections of a WebAssembly module: which kind, the whole of it, and its content. */
function sections(wasm) {
    const found = [];
    for (let at = 8; at < wasm.length; ) {
        const [length, begin] = number(wasm, at + 1);
        const end = begin + length;
        found.push({ kind: wasm[at], whole: wasm.subarray(at, end), content: wasm.subarray(begin, end) });
        at = end;
    }
    return found;
}

/** A WebAssembly module without its custom sections: names of functions, who produced it. */
function stripped(wasm) {
    const kept = sections(wasm).filter(({ kind }) => kind !== CUSTOM);
    return Buffer.concat([wasm.subarray(0, 8), ...kept.map(({ whole }) => whole)]);
}

/**
 * A stripped module whose functions have names by which those that look alike are neighbours when they are sorted: of
 * about one size, then by what they begin with. `imported` functions have the first numbers.
 */
function named(wasm, imported) {
    const code = sections(wasm).find(({ kind }) => kind === CODE);
    let [functions, at] = code ? number(code.content, 0) : [0, 0];
    const names = [written(functions)];
    for (let index = 0; index < functions; index += 1) {
        const [length, begin] = number(code.content, at);
        at = begin + length;
        const size = String(Math.floor(Math.log2(length))).padStart(2, "0");
        const start = Buffer.from(code.content.subarray(begin, Math.min(at, begin + 200))).toString("hex");
        const name = Buffer.from(`${size}${start} ${String(index).padStart(6, "0")}`);
        names.push(written(imported + index), written(name.length), name);
    }
    const list = Buffer.concat(names);
    const content = Buffer.concat([Buffer.from("\x04name\x01"), written(list.length), list]);
    return Buffer.concat([wasm, Buffer.from([CUSTOM]), written(content.length), content]);
}

function read(wasm) {
    const module = binaryen.readBinary(wasm);
    module.setFeatures(features);
    return module;
}

function emitted(module) {
    const wasm = stripped(Buffer.from(module.emitBinary()));
    module.dispose();
    return wasm;
}

/**
 * What `wasm-opt -O1` does, without starting that program for each of many small files. Functions that look alike then
 * stand together, where brotli makes more of them: 427 kB instead of 446.
 */
function optimise(wasm) {
    const module = read(stripped(wasm));
    module.optimize();
    let imported = 0;
    for (let index = 0; index < module.getNumFunctions(); index += 1) {
        imported += binaryen.getFunctionInfo(module.getFunctionByIndex(index)).base ? 1 : 0;
    }
    const sorted = read(named(emitted(module), imported));
    sorted.runPasses(["reorder-functions-by-name"]);
    return emitted(sorted);
}

/** The modules: optimised, minified, named. */
async function modules() {
    await run(tool, [program, pkg]);
    const wasm = (await readdir(pkg)).filter((file) => file.endsWith(".wasm"));
    const named = new Map();
    for (const file of wasm) {
        const stem = file.slice(0, -".wasm".length);
        named.set(stem, `${stem}.${await name(stem, "wasm", optimise(await take(file)))}`);
    }
    const first = named.get("console");

    const manifest = JSON.parse(await take("__wasm_split_manifest.json"), (_, value) => named.get(value) ?? value);
    const loader = (await take("__wasm_split.js"))
        .toString()
        .replace(/"\.\/(\w+)\.wasm"/g, (_, stem) => `"./${named.get(stem)}.wasm"`);
    const glue = (await take("console.js")).toString();

    // Each of the two imports the other by its name, so one hash stands for both. What the program itself calls the
    // loader, `"./__wasm_split.js":` in the list of its imports, stays as it is.
    const hash = hashOf(loader, glue);
    const script = async (code) => (await minify(code, { minify: true, format: "esm", target: "es2022" })).code;
    await writeFile(
        join(pkg, `__wasm_split.${hash}.js`),
        await script(loader.replaceAll('from "./console.js"', `from "./console.${hash}.js"`)),
    );
    await writeFile(
        join(pkg, `console.${hash}.js`),
        await script(glue.replaceAll(/from (["'])\.\/__wasm_split\.js\1/g, `from "./__wasm_split.${hash}.js"`)),
    );
    return {
        js: hash,
        wasm: first.slice("console.".length),
        split: hash,
        manifest: await name("__wasm_split_manifest", "json", JSON.stringify(manifest)),
    };
}

async function compress() {
    const files = (await readdir(next, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    await forEach(files, async (entry) => {
        const path = join(entry.parentPath ?? entry.path, entry.name);
        const content = await readFile(path);
        const parameters = {
            [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
        };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params: parameters }));
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }));
    });
}

await rm(next, { recursive: true, force: true });
await cp(join(root, "public"), next, { recursive: true });
await mkdir(pkg, { recursive: true });
const hashes = { ...(await modules()), css: await style() };
await compress();
await rm(site, { recursive: true, force: true });
await rename(next, site);
await writeFile(hashFile, Object.entries(hashes).map(([kind, hash]) => `${kind}: ${hash}\n`).join(""));
