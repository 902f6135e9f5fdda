/// Every rule of the data set's format, checked on a domain's files, all problems at once.
#pragma once

#include "routedk/bundle/findings.h"

#include <filesystem>

namespace routedk::bundle {

/// Checks the CSV files of one domain, the users' files where they are there. Rules of severity error:
///   csv                     a file is missing, or breaks RFC 4180 or its header's width (its rest is unread)
///   header                  another header than the released one's
///   id, repeated_row, utf8  a column of ids that holds no 64-bit integer; a row (the users' files, which are
///                           logs, may repeat theirs) or a text's id that occurs twice; a text that is not
///                           UTF-8
///   session_length          a session of other than 2..10 items
///   unknown_session, unknown_bundle, unknown_item   an id that is nowhere defined
///   bundle_sessions         a bundle in no session or in several
///   bundle_size, bundle_outside_session   fewer than 2 items; an item that its session does not hold
///   bundle_intent, bundle_title   a bundle without an intent, an item of a bundle without a title
/// Leaks:
///   untitled_items          items of sessions without a title, which are never in a bundle
/// Warnings:
///   uncategorised_items     the same of categories, which only `prompt.relations: [categories]` shows
///   blank_intent, entity    an intent that says nothing; an entity that is unknown or decoded to one
Findings check_domain(const std::filesystem::path& folder);

}  // namespace routedk::bundle
