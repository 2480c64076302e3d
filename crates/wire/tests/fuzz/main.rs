//! Replays the corpus of the fuzz targets, so that what once was found stays mended.

mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[test]
fn the_corpus_is_borne() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz");
    for (name, target) in targets::ALL {
        let mut inputs = 0;
        for entry in fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::read(&path).unwrap();
            let outcome = catch_unwind(AssertUnwindSafe(|| target(&data)));
            assert!(outcome.is_ok(), "{} does not bear {}", name, path.display());
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has a corpus");
    }
    let folders = fs::read_dir(&corpus).unwrap().count();
    assert_eq!(folders, targets::ALL.len(), "every folder of the corpus has a target");
}
