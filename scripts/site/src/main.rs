//! Makes of the browser's compiled program the modules that pages load: one for what every page needs, others that
//! arrive when a page needs them, and the JavaScript between them and the browser.
//!
//! `site PROGRAM.wasm DIRECTORY` writes into the directory
//! - `console.js` and `console.wasm`, with which every page begins,
//! - `__wasm_split.js`, which loads the others, `chunk_*.wasm` and `split_*.wasm`,
//! - `__wasm_split_manifest.json`: for each page that arrives later the names of its modules without `.wasm`, which
//!   Leptos reads to announce them in the head of the page.
//!
//! `cargo leptos build` does the same for development, where nothing is split. A release does it with this program as
//! it is compiled in a minute, and cargo-leptos in seven.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::{Options, transform};

const NAME: &str = "console";
const LOADER: &str = "./__wasm_split.js";
const MANIFEST: &str = "__wasm_split_manifest.json";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [program, directory] = arguments.as_slice() else {
        eprintln!("usage: site PROGRAM.wasm DIRECTORY");
        return ExitCode::from(2);
    };
    match make_modules(Path::new(program), Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", Path::new(program).display());
            ExitCode::FAILURE
        }
    }
}

fn make_modules(program: &Path, directory: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    let input = fs::read(program)?;
    let main_module = format!("./{NAME}.js");
    // The part that every page needs still has to pass through wasm-bindgen.
    let first = directory.join("first.wasm");

    let mut options = Options::new(&input);
    options.output_dir = directory;
    options.main_out_path = &first;
    options.main_module = &main_module;
    options.link_name = LOADER;
    let split = transform(options)?;
    fs::write(directory.join(MANIFEST), serde_json::to_vec(&split.prefetch_map)?)?;

    Bindgen::new()
        .input_path(&first)
        .out_name(NAME)
        .web(true)?
        // What the later modules import keeps its name.
        .keep_lld_exports(true)
        .demangle(false)
        .typescript(false)
        .generate(directory)?;
    fs::remove_file(&first)?;
    // Leptos asks for it without the suffix that wasm-bindgen gives it.
    fs::rename(directory.join(format!("{NAME}_bg.wasm")), directory.join(format!("{NAME}.wasm")))?;
    Ok(())
}
