/// What is fuzzed: each reads one file from outside and may only succeed or throw a UserError.
#pragma once

#include <filesystem>

namespace routedk::fuzz {

void adapter_config(const std::filesystem::path& file);
void csv(const std::filesystem::path& file);
void gguf(const std::filesystem::path& file);
void product_metadata(const std::filesystem::path& file);
void safetensors(const std::filesystem::path& file);
void tiktoken(const std::filesystem::path& file);
void tokenizer_json(const std::filesystem::path& file);

}  // namespace routedk::fuzz
