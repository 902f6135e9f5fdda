/// Checks a domain's files against every rule of the data set's format and reports all problems at once.
#pragma once

#include "routedk/bundle/findings.h"
#include "routedk/bundle/split.h"

#include <filesystem>

namespace routedk::bundle {

/// Checks the CSV files of one domain, the users' files only if they exist. `split` is for the last warning.
/// Rules of severity error:
///   csv                     a file is missing, or breaks RFC 4180 or its header's width (its rest is unread;
///                           the errors in other files that would follow from it are not reported)
///   header                  a header other than that of the released files
///   id, repeated_row, utf8  an id that is not a 64-bit integer; a row (except in the users' files, which are
///                           logs) or a text's id that occurs twice; a text that is not UTF-8
///   session_length          a session of other than 2..10 items
///   unknown_session, unknown_bundle, unknown_item   an id that is defined nowhere
///   bundle_sessions         a bundle in no session or in several
///   bundle_size, bundle_outside_session   fewer than 2 items; an item that is not in its session
///   bundle_intent, bundle_title   a bundle without an intent, an item of a bundle without a title
/// Leaks:
///   untitled_items          items of sessions without a title, which are never in a bundle
/// Warnings:
///   uncategorised_items     the same for categories, which prompts show by some relations only
///   blank_intent, entity    an intent without content; an entity that is unknown or decodes to another
///   no_training_session     every session with bundles is test or validation under `split`
Findings check_domain(const std::filesystem::path& folder, const SplitCounts& split);

/// The counts of a data folder's split.yaml. If it cannot be read, adds findings of severity error, rule
/// `split`, and returns counts of 0.
SplitCounts check_split_file(const std::filesystem::path& dir, Findings& findings);

}  // namespace routedk::bundle
