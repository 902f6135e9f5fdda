#include "routedk/distill/endpoint_model.h"

#include "routedk/io/jsonl.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "core/temporary_folder.h"
#include "distill/certificate.h"
#include "distill/faulty_server.h"
#include "distill/replies.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

constexpr const char* kKey = "sk-very-secret";

/// A client that notes its waits instead of sleeping.
class Endpoint : public ::testing::Test {
 protected:
  Endpoint() {
    options_.url = server_.url();
    options_.model = "teacher-8b";
    options_.key = kKey;
    options_.sampling = {0.25, 99, 5};
  }

  std::vector<ChatReply> ask(std::vector<ChatRequest> requests = {{{{"user", "hi"}}, 1}}) {
    EndpointModel model(options_, [this](double seconds) {
      const std::scoped_lock lock(mutex_);
      waits_.push_back(seconds);
    });
    return replies_to(model, requests);
  }
  /// The message of the error that asking ends with.
  template <typename Error>
  std::string error() {
    return testing::message_of<Error>([&] { ask(); });
  }
  std::size_t sent() { return server_.requests().size(); }

  FaultyServer server_;
  EndpointOptions options_;
  std::mutex mutex_;
  std::vector<double> waits_;
};

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

TEST_F(Endpoint, replies_keep_the_order_of_requests_at_most_so_many_at_a_time) {
  std::atomic<int> present = 0;
  std::atomic<int> most = 0;
  server_.usually([&](const httplib::Request& request, httplib::Response& response) {
    const int now = ++present;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    --present;
    response.set_content(
        completion(io::Json::parse(request.body)["messages"][0]["content"].get<std::string>()),
        "application/json");
  });
  options_.concurrency = 3;
  std::vector<ChatRequest> requests;
  for (int i = 0; i < 9; ++i) {
    requests.push_back({{{"user", std::to_string(i)}}, 1});
  }
  const auto replies = ask(requests);
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(replies[static_cast<std::size_t>(i)].text, std::to_string(i));
  }
  EXPECT_EQ(most, 3);
}

TEST_F(Endpoint, a_reply_cut_by_the_limit_is_not_finished_and_missing_usage_is_estimated) {
  server_.script({body(R"({"choices": [{"message": {"content": "so far"}, "finish_reason": "length"}]})")});
  const auto replies = ask();
  EXPECT_FALSE(replies[0].finished);
  EXPECT_EQ(replies[0].text, "so far");
  EXPECT_TRUE(replies[0].estimated);
  EXPECT_EQ(replies[0].prompt_tokens, 1);      // "hi"
  EXPECT_EQ(replies[0].completion_tokens, 2);  // "so far"
}

TEST_F(Endpoint, after_429_it_waits_twice_as_long_each_time_half_of_it_jitter) {
  server_.script({status(429), status(429), status(429)});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_THAT(waits_, ElementsAre(AllOf(Ge(0.5), Le(1.0)), AllOf(Ge(1.0), Le(2.0)), AllOf(Ge(2.0), Le(4.0))));
}

TEST_F(Endpoint, waits_differ_between_requests) {
  server_.script({status(429), status(429)});
  options_.concurrency = 1;
  ask({{{{"user", "hi"}}, 1}});
  server_.script({status(429)});
  ask({{{{"user", "hi"}}, 2}});
  EXPECT_NE(waits_.front(), waits_.back());
}

TEST_F(Endpoint, retry_after_in_seconds_is_honoured) {
  server_.script({status(429, {{"Retry-After", "7"}}), status(503, {{"Retry-After", "11"}})});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_THAT(waits_, ElementsAre(7.0, 11.0));
}

TEST_F(Endpoint, retry_after_as_a_date_is_honoured) {
  const std::time_t then = std::time(nullptr) + 30;
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&then));
  server_.script({status(429, {{"Retry-After", date.data()}})});
  ask();
  EXPECT_THAT(waits_, ElementsAre(AllOf(Ge(25.0), Le(30.0))));
}

TEST_F(Endpoint, a_pause_longer_than_allowed_stops_the_run) {
  server_.script({status(429, {{"Retry-After", "3600"}})});
  EXPECT_THAT(error<SystemError>(), HasSubstr("asks for 3600 s"));
  EXPECT_EQ(sent(), 1U);
}

TEST_F(Endpoint, a_server_error_passes) {
  server_.script({status(500), status(502), status(503)});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 4U);
}

TEST_F(Endpoint, a_server_that_hangs_is_asked_again) {
  options_.http.connect_seconds = 0.5;
  options_.http.read_seconds = 0.5;
  server_.script({[](const auto&, httplib::Response& response) {
    std::this_thread::sleep_for(std::chrono::seconds(3));
    response.set_content(completion("late"), "application/json");
  }});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, a_response_that_drips_is_cut_off_and_asked_for_again) {
  options_.http.connect_seconds = 0.5;
  options_.http.read_seconds = 0.5;
  server_.script({[](const auto&, httplib::Response& response) {
    const std::string text = completion("drip");
    response.set_content_provider(text.size(), "application/json",
                                  [text](std::size_t at, std::size_t, httplib::DataSink& sink) {
                                    std::this_thread::sleep_for(std::chrono::milliseconds(50));
                                    return sink.write(&text[at], 1);
                                  });
  }});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));  // all of it: 6 s
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, a_connection_reset_within_the_body_is_made_again) {
  server_.script({[](const auto&, httplib::Response& response) {
    const std::string text = completion("half");
    response.set_content_provider(text.size(), "application/json",
                                  [text](std::size_t at, std::size_t, httplib::DataSink& sink) {
                                    return at == 0 && sink.write(text.data(), text.size() / 2);
                                  });
  }});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, what_is_no_chat_completion_is_asked_for_again) {
  server_.script({body(R"({"choices": [{"mess)"), body(R"({"choices": []})"), body("[]"), body(""),
                  body(R"({"choices": [{"message": {"content": 7}}]})"),
                  body(R"({"choices": {"message": "x"}})"), body(std::string(5000, '['))});
  options_.attempts = 8;
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 8U);
}

TEST_F(Endpoint, what_stays_no_chat_completion_is_refused_alone_with_the_endpoints_words) {
  options_.attempts = 2;
  server_.usually([](const httplib::Request& request, httplib::Response& response) {
    const bool bad = request.body.find("bad") != std::string::npos;
    response.set_content(
        bad ? R"({"error": {"message": "out of credit", "code": 402}, "choices": null})" : completion("good"),
        "application/json");
  });
  const auto replies = ask({{{{"user", "a"}}, 1}, {{{"user", "bad"}}, 2}});
  EXPECT_EQ(replies[0].text, "good");
  EXPECT_THAT(replies[1].refusal, HasSubstr("out of credit"));
  EXPECT_EQ(sent(), 3U);
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

TEST_F(Endpoint, a_key_in_a_good_reply_is_covered_in_every_form) {
  options_.key = "sk-very-secret-0123";
  server_.usually(
      body(completion("say sk-very-secret-0123 or sk-very-\\nsecret-01 23 or c2stdmVyeS1zZWNyZXQtMDEyMw==")));
  const std::string text = ask()[0].text;
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_EQ(text.find("c2st"), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("say *** or *** or ***"));
}

TEST_F(Endpoint, after_the_last_attempt_it_gives_up) {
  options_.attempts = 3;
  server_.usually(status(500));
  EXPECT_THAT(error<SystemError>(), HasSubstr("answers 500"));
  EXPECT_EQ(sent(), 3U);
  EXPECT_EQ(waits_.size(), 2U);
}

TEST_F(Endpoint, a_refusal_is_not_tried_again_and_its_message_never_shows_the_key) {
  server_.usually(status(401, {}, R"({"error": {"message": "bad key sk-very-secret\nhere"}})"));
  EXPECT_THAT(error<ConfigError>(),
              AllOf(HasSubstr("answers 401 (\"bad key *** here\")"), Not(HasSubstr(kKey))));
  EXPECT_EQ(sent(), 1U);
}

TEST_F(Endpoint, a_refused_request_is_refused_alone) {
  server_.usually([](const httplib::Request& request, httplib::Response& response) {
    if (request.body.find("bad") != std::string::npos) {
      return status(400, {}, R"({"error": {"message": "too long"}})")(request, response);
    }
    response.set_content(completion("good"), "application/json");
  });
  options_.concurrency = 2;
  const auto replies = ask({{{{"user", "a"}}, 1}, {{{"user", "bad"}}, 2}, {{{"user", "c"}}, 3}});
  EXPECT_EQ(replies[0].text, "good");
  EXPECT_EQ(replies[2].text, "good");
  EXPECT_EQ(replies[0].refusal, "");
  EXPECT_THAT(replies[1].refusal, HasSubstr("answers 400 (\"too long\")"));
  EXPECT_EQ(replies[1].text, "");
  EXPECT_EQ(sent(), 3U);
}

TEST_F(Endpoint, replies_that_came_before_an_error_are_heard) {
  server_.script({body(completion("paid for")), status(401)});
  options_.concurrency = 1;
  EndpointModel model(options_);
  const std::vector<ChatRequest> requests(3, ChatRequest{{{"user", "hi"}}, 1});
  std::vector<std::string> heard;
  const auto hear = [&](std::size_t, const ChatReply& reply) { heard.push_back(reply.text); };
  EXPECT_THROW(model.ask(requests, hear), ConfigError);
  EXPECT_THAT(heard, ElementsAre("paid for"));
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, a_redirect_to_another_host_is_refused) {
  FaultyServer other;
  server_.usually(status(307, {{"Location", other.url() + "/chat/completions"}}));
  EXPECT_THAT(error<ConfigError>(), HasSubstr("redirects with 307"));
  EXPECT_EQ(sent(), 1U);
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(Endpoint, a_response_longer_than_allowed_is_refused) {
  options_.http.max_bytes = 1000;
  options_.attempts = 1;
  server_.usually(body(std::string(1001, 'x')));
  EXPECT_THAT(error<SystemError>(), HasSubstr("at most 1000 bytes"));
  server_.usually(body(completion("fits")));
  EXPECT_EQ(ask()[0].text, "fits");
}

TEST_F(Endpoint, a_port_nobody_listens_on_is_tried_again_and_named) {
  {
    const FaultyServer gone;
    options_.url = gone.url();
  }
  options_.attempts = 2;
  EXPECT_THAT(error<TransportError>(), HasSubstr(options_.url));
  EXPECT_EQ(waits_.size(), 1U);
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
  EXPECT_THAT(problem("http://example.org/v1"), HasSubstr("must go to https"));
  EXPECT_THAT(problem("http://127.0.0.1.example.org/v1"), HasSubstr("must go to https"));
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
