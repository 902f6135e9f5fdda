/// Sessions as a shop's table: CSV, a row an item.
#pragma once

#include "routedk/workflow/predict/predict.h"

#include <string>
#include <vector>

#include "asked_session.h"

namespace routedk::workflow {

struct AskedTable {
  io::CsvRow header;
  std::vector<AskedSession> sessions;  ///< in the order of their first rows, which may be anywhere
};

/// Rows of one session id are a session; an item that occurs again with its title counts once. A session with
/// a row that fails is left out whole. DataError where the table is empty, FileError where its header lacks a
/// column, or has one of those that answers add, and where quoting breaks.
AskedTable read_table(const std::string& text, const TableColumns& columns, Attempts& attempts);

/// The header with the columns of answers.
std::string answered_header(const io::CsvRow& header);

/// The session's rows, each once for every bundle that its item is in (by number from 1) or once with none,
/// with the confidence and the note.
std::string answered_rows(const AskedSession& asked, const std::vector<bundle::Bundle>& bundles,
                          double confidence, const std::string& note);

}  // namespace routedk::workflow
