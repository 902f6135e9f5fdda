/// Sessions as a shop's table: CSV, one row per item.
#pragma once

#include "routedk/workflow/predict/predict.h"

#include <string>
#include <vector>

#include "asked_session.h"

namespace routedk::workflow {

struct AskedTable {
  io::CsvRow header;
  char delimiter = ',';
  bool marked = false;                 ///< begins with the byte order mark by which Excel knows UTF-8
  std::vector<AskedSession> sessions;  ///< in the order of their first rows; the rows may be anywhere
};

/// Rows with the same session id form a session; a repeated item with the same title counts once. A session
/// with a bad row is left out entirely, blank rows are skipped. The delimiter is that of the header
/// (io::delimiter_of). DataError if the table is empty; FileError if it is JSON, if its header lacks a
/// column, has two for it or one that answers add, and if quoting is broken.
AskedTable read_table(const std::string& text, const TableColumns& columns, Attempts& attempts);

/// The header with the added columns, marked as the table was.
std::string answered_header(const AskedTable& table);

/// The session's rows, each once per bundle of its item (by number from 1), or once if there is none, with
/// the confidence and the note. Control characters other than tabs and newlines are left out.
std::string answered_rows(const AskedSession& asked, const std::vector<bundle::Bundle>& bundles,
                          double confidence, const std::string& note);

}  // namespace routedk::workflow
