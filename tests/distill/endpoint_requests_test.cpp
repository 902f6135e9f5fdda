/// What an endpoint is sent, and where.
#include "routedk/io/jsonl.h"

#include <memory>
#include <string>
#include <vector>

#include "distill/certificate.h"
#include "distill/endpoint.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

TEST_F(Endpoint, a_request_says_who_is_to_reply_to_what_and_how) {
  const auto replies = ask({{{{"system", "be \"brief\""}, {"user", "t\xC3\xA9"}}, 1}});
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].text, "hello");
  EXPECT_TRUE(replies[0].finished);
  EXPECT_EQ(replies[0].prompt_tokens, 7);
  EXPECT_EQ(replies[0].completion_tokens, 3);
  EXPECT_GT(replies[0].seconds, 0.0);
  const httplib::Request request = server_.requests().at(0);
  EXPECT_EQ(request.get_header_value("Authorization"), "Bearer sk-very-secret");
  EXPECT_EQ(request.get_header_value("Content-Type"), "application/json");
  const auto json = io::Json::parse(request.body);
  EXPECT_EQ(json.at("model"), "teacher-8b");
  EXPECT_EQ(json.at("temperature"), 0.25);
  EXPECT_EQ(json.at("max_tokens"), 99);
  EXPECT_EQ(json.at("messages"), io::Json::parse("[{\"role\": \"system\", \"content\": \"be \\\"brief\\\"\"},"
                                                 "{\"role\": \"user\", \"content\": \"t\xC3\xA9\"}]"));
}

TEST_F(Endpoint, another_key_of_a_request_is_another_seed_and_without_a_key_none_is_sent) {
  options_.key.clear();
  options_.concurrency = 1;
  ask({{{{"user", "hi"}}, 1}, {{{"user", "hi"}}, 2}, {{{"user", "hi"}}, 1}});
  std::vector<std::int64_t> seeds;
  for (const auto& request : server_.requests()) {
    seeds.push_back(io::Json::parse(request.body).at("seed").get<std::int64_t>());
    EXPECT_FALSE(request.has_header("Authorization"));
  }
  ASSERT_EQ(seeds.size(), 3U);
  EXPECT_NE(seeds[0], seeds[1]);
  EXPECT_EQ(seeds[0], seeds[2]);
  EXPECT_THAT(seeds, ::testing::Each(AllOf(Ge(0), Le(2147483647))));
}

TEST_F(Endpoint, the_url_may_leave_out_v1_or_hold_chat_completions) {
  server_.usually([](const httplib::Request& request, httplib::Response& response) {
    if (request.path != "/v1/chat/completions") {
      return status(404)(request, response);
    }
    response.set_content(completion(request.has_param("api-version") ? "with a query" : "found"),
                         "application/json");
  });
  std::string root = server_.url();
  root.erase(root.rfind("/v1"));
  for (const char* form : {"", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/"}) {
    options_.url = root + form;
    EXPECT_EQ(ask()[0].text, "found") << form;
  }
  options_.url = root + "/v1?api-version=3";
  EXPECT_EQ(ask()[0].text, "with a query");
  options_.url = root + "/v2";
  EXPECT_THAT(error<ConfigError>(), HasSubstr("/v2/chat/completions"));
}

TEST_F(Endpoint, members_that_it_says_it_does_not_know_are_renamed_or_left_out) {
  const auto refuse = [](const char* member, const std::string& words) {
    return [=](const httplib::Request& request, httplib::Response& response) {
      if (io::Json::parse(request.body).contains(member)) {
        return status(400, {}, words)(request, response);
      }
      response.set_content(completion("good"), "application/json");
    };
  };
  server_.usually(refuse("max_tokens", R"({"error": {"message": "Unsupported parameter: 'max_tokens'. Use )"
                                       R"('max_completion_tokens' instead.", "param": "max_tokens"}})"));
  EXPECT_EQ(ask()[0].text, "good");
  EXPECT_EQ(io::Json::parse(server_.requests().back().body).at("max_completion_tokens"), 99);
  server_.usually(refuse("seed", R"({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], )"
                                 R"("msg": "Extra inputs are not permitted"}]})"));
  EXPECT_EQ(ask()[0].text, "good");
  server_.usually(refuse("seed", R"({"error": {"message": "seed must be at most 9"}})"));
  EXPECT_THAT(ask()[0].refusal, HasSubstr("seed must be at most 9"));
}

TEST_F(Endpoint, parameters_rename_drop_and_add_members) {
  options_.parameters = {{"max_tokens", "max_completion_tokens"},
                         {"seed", nullptr},
                         {"reasoning_effort", "low"},
                         {"temperature", 1}};
  ask();
  const auto json = io::Json::parse(server_.requests().at(0).body);
  EXPECT_EQ(json.at("max_completion_tokens"), 99);
  EXPECT_EQ(json.at("reasoning_effort"), "low");
  EXPECT_EQ(json.at("temperature"), 1);
  EXPECT_FALSE(json.contains("seed"));
  EXPECT_FALSE(json.contains("max_tokens"));
  options_.parameters = {{"stream", true}};
  EXPECT_THAT(error<ConfigError>(), HasSubstr("`stream`"));
}

TEST_F(Endpoint, a_certificate_is_trusted_only_when_its_signer_is) {
  const SelfSigned certificate;
  FaultyServer secure(std::make_unique<httplib::SSLServer>(certificate.certificate(), certificate.key()));
  options_.url = secure.url("https");
  EXPECT_THAT(error<ConfigError>(), HasSubstr("certificate must be trusted"));
  EXPECT_TRUE(secure.requests().empty());
  EXPECT_TRUE(waits_.empty());
  const testing::TemporaryFolder folder;
  certificate.write_pem(folder / "ca.pem");
  options_.http.ca_file = folder / "ca.pem";
  EXPECT_EQ(ask()[0].text, "hello");
  options_.url.replace(options_.url.find("127.0.0.1"), 9, "localhost");  // not in the certificate
  EXPECT_THAT(error<ConfigError>(), HasSubstr("certificate must be trusted"));
}

TEST_F(Endpoint, a_key_goes_to_https_or_this_machine_alone) {
  const auto problem = [&](const std::string& url) {
    options_.url = url;
    return testing::message_of<ConfigError>([&] { EndpointModel model(options_); });
  };
  EXPECT_THAT(problem("http://example.org/v1"), HasSubstr("must be sent over https"));
  EXPECT_THAT(problem("http://127.0.0.1.example.org/v1"), HasSubstr("must be sent over https"));
  EXPECT_THAT(problem("https://user:word@example.org/v1"),
              AllOf(HasSubstr("no user name"), Not(HasSubstr("word@"))));
  EXPECT_THAT(problem("ftp://example.org"), HasSubstr("`ftp://example.org`"));
  options_.url = "http://[::1]:80/v1";
  EXPECT_NO_THROW(EndpointModel{options_});
  options_.url = "http://example.org/v1";
  options_.key.clear();
  EXPECT_NO_THROW(EndpointModel{options_});
}

}  // namespace
}  // namespace routedk::distill
