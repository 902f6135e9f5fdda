/// The real model's file, shared by the tests of this layer.
#pragma once

#include "routedk/io/gguf.h"
#include "routedk/io/jsonl.h"
#include "routedk/text/tokenizer.h"

#include <filesystem>

namespace routedk::text {

inline const io::GgufFile& smollm2() {
  static const io::GgufFile file = io::GgufFile::open(std::filesystem::path(ROUTEDK_SOURCE_DIR) /
                                                      ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf");
  return file;
}

inline const Tokenizer& smollm2_tokenizer() {
  static const Tokenizer tokenizer = Tokenizer::from_gguf(smollm2());
  return tokenizer;
}

/// Made by tests/goldens/make_tokenizer.py.
inline const io::Json& tokenizer_golden() {
  static const io::Json golden =
      io::read_json(std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests/goldens/tokenizer_smollm2.json");
  return golden;
}

}  // namespace routedk::text
