//! `berth store cat`: what is durable, for an operator's eyes: a JSON object per row.

use std::io::{BufWriter, ErrorKind, Write};

use anyhow::{Context, Result, anyhow, bail};
use berth_server::backup::{Frame, HISTORY, STATE};
use berth_server::store::{Table, readable};
use serde_json::{Value, json};

use crate::options::Cat;
use crate::snapshot::Snapshot;

/// What the history of tasks is called.
const TASKS_OF_HISTORY: &str = "history";

/// Prints rows.
///
/// # Errors
/// If there is no such table, or it cannot be read.
pub(crate) fn cat(options: &Cat) -> Result<()> {
    if let Some(table) = options
        .table
        .as_deref()
        .filter(|table| !tables().any(|one| one == *table))
    {
        let tables: Vec<&str> = tables().collect();
        bail!("there is no table {table:?}: the tables are {}", tables.join(", "));
    }
    let mut snapshot = Snapshot::take(&options.place.data_dir, false)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut table = String::new();
    while let Some(frame) = snapshot.next()? {
        match frame {
            Frame::File { .. } => {}
            Frame::Table(name) => table = name,
            Frame::Row { key, value } => {
                let row = row(&table, &key, &value).with_context(|| {
                    let key = String::from_utf8_lossy(&key);
                    format!("the row {key} of {table} cannot be read")
                })?;
                let Some((table, key, value)) = row else { continue };
                let wanted = |wish: &Option<String>, is: &str| wish.as_deref().is_none_or(|wish| wish == is);
                if wanted(&options.table, &table) && wanted(&options.key, &key) {
                    let line = writeln!(out, "{}", json!({ "table": table, "key": key, "value": value }));
                    // Whoever reads us may have seen enough.
                    match line {
                        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                        line => line?,
                    }
                }
            }
        }
    }
    Ok(out.flush()?)
}

fn tables() -> impl Iterator<Item = &'static str> {
    Table::ALL.into_iter().map(Table::name).chain([TASKS_OF_HISTORY])
}

/// Table, key and value of a row; nothing for rows that only help to find others.
fn row(table: &str, key: &[u8], value: &[u8]) -> Result<Option<(String, String, Value)>> {
    if let Some(table) = table.strip_prefix(STATE) {
        let value = readable(key, value).map_err(|error| anyhow!(error))?;
        return Ok(Some((
            table.to_owned(),
            String::from_utf8_lossy(key).into_owned(),
            value,
        )));
    }
    if table.strip_prefix(HISTORY) != Some("tasks") {
        return Ok(None);
    }
    let (_ended, body) = value.split_at_checked(8).context("it is too short")?;
    let value = readable(&[], body).map_err(|error| anyhow!(error))?;
    Ok(Some((
        TASKS_OF_HISTORY.to_owned(),
        task_key(&value["task"]["key"]),
        value,
    )))
}

/// The key of a task as the state has it: account, region, cluster and id.
fn task_key(key: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let scope = &key["scope"];
    let account = scope["account"].as_u64().unwrap_or_default();
    format!(
        "{account:012}/{}/{}/{}",
        text(&scope["region"]),
        text(&key["cluster"]),
        text(&key["id"])
    )
}
