/// What is fuzzed: each reads one file from outside and may only succeed or throw a UserError.
#pragma once

#include <filesystem>

namespace routedk::fuzz {

void adapter_config(const std::filesystem::path& file);
void answers(const std::filesystem::path& file);
void chat_reply(const std::filesystem::path& file);
void chat_template(const std::filesystem::path& file);
void checkpoint(const std::filesystem::path& file);
void csv(const std::filesystem::path& file);
void gguf(const std::filesystem::path& file);
void json_lines(const std::filesystem::path& file);
void knowledge(const std::filesystem::path& file);
void model_config(const std::filesystem::path& file);
void predictions(const std::filesystem::path& file);
void product_metadata(const std::filesystem::path& file);
void router(const std::filesystem::path& file);
void safetensors(const std::filesystem::path& file);
void sentencepiece(const std::filesystem::path& file);
void settings(const std::filesystem::path& file);
void shards(const std::filesystem::path& file);
void tiktoken(const std::filesystem::path& file);
void titles(const std::filesystem::path& file);
void tokenizer_json(const std::filesystem::path& file);
void verifier(const std::filesystem::path& file);

}  // namespace routedk::fuzz
