#include "models/run/run_options.h"

#include <fmt/format.h>

#include <clocale>
#include <set>

#include "models/run/option_defaults.h"
#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("every option has a name, a help text and a group of its own kind") {
  RunOptions options;
  std::set<std::string> names;
  visit_options(options, [&](const OptionInfo& info, const auto&) {
    CHECK(names.insert(std::string(info.name)).second);
    CHECK(info.help.size() > 10);
    CHECK_FALSE(info.group.empty());
    for (const std::string_view alias : info.aliases) {
      CHECK(names.insert(std::string(alias)).second);
    }
  });
  CHECK(names.size() > 40);
}

TEST_CASE("options survive the way through JSON, every one of them") {
  RunOptions options;
  // Each option gets a value that is not its default.
  visit_options(options, [](const OptionInfo& info, auto& field) {
    using Value = std::remove_reference_t<decltype(field)>;
    if constexpr (std::is_same_v<Value, bool>) {
      field = !field;
    } else if constexpr (std::is_same_v<Value, std::string>) {
      field = fmt::format("{} \"quoted\" \xc3\xa4", info.name);
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      field = {"one", "two, three"};
    } else if constexpr (std::is_enum_v<Value>) {
      field = enum_table(Value{}).back().second;
    } else if constexpr (std::is_same_v<Value, DeviceRequest>) {
      field = {DeviceRequest::Kind::cuda, 3};
    } else {
      field = field * 3 + 1;
    }
  });
  RunOptions read;
  apply_json(read, to_json(options), "test");
  CHECK(to_json(read) == to_json(options));
  CHECK(to_json(read) != to_json(RunOptions{}));
}

TEST_CASE("a config file is refused with its name and the reason") {
  const auto refused = [](const char* json, const char* reason) {
    RunOptions options;
    INFO(json);
    CHECK_THROWS_WITH(apply_json(options, json, "run.json"),
                      Contains("run.json") && Contains(reason));
  };
  refused("{\"bach-size\": 3}", "bach-size");
  refused("{\"batch-size\": \"3\"}", "whole number");
  refused("{\"batch-size\": 3.5}", "whole number");
  refused("{\"batch-size\": 18446744073709551615}", "whole number");
  refused("{\"lr\": true}", "number");
  refused("{\"loss\": \"bce\"}", "non-saturating");
  refused("{\"flip\": 1}", "true or false");
  refused("{\"device\": 1}", "a string");
  refused("{\"device\": \"cuda:x\"}", "auto, cuda, cuda:N or cpu");
  refused("{\"seed\": 1, \"seed\": 2}", "twice");
  refused("[1]", "object");
  refused("{\"seed\": 1", "JSON");
}

TEST_CASE("a config file may use aliases, any case and underscores") {
  RunOptions options;
  apply_json(options, R"({"batchSize": 3, "LR": 0.5, "log_every": 7, "manualseed": 9})",
             "run.json");
  CHECK(options.batch_size == 3);
  CHECK(options.lr == 0.5);
  CHECK(options.log_every == 7);
  CHECK(options.seed == 9);
  CHECK_THROWS_WITH(apply_json(options, R"({"lr": 0.5, "LR": 0.25})", "run.json"),
                    Contains("run.json: sets lr twice"));
  CHECK_THROWS_WITH(apply_json(options, R"({"batch-sise": 1})", "run.json"),
                    Contains("did you mean batch-size?"));
}

TEST_CASE("a device is one word of JSON and of the command line") {
  RunOptions options;
  CHECK_THAT(to_json(options), Contains("\"device\": \"auto\""));
  set_option(options, "device", "cuda");
  CHECK_THAT(to_json(options), Contains("\"device\": \"cuda\""));
  set_option(options, "device", "cuda:1");
  CHECK_THAT(to_json(options), Contains("\"device\": \"cuda:1\""));
  CHECK(options.device == DeviceRequest{DeviceRequest::Kind::cuda, 1});
}

TEST_CASE("text values are parsed whole and without the locale") {
  RunOptions options;
  const char* before = std::setlocale(LC_ALL, nullptr);
  const std::string saved = before != nullptr ? before : "C";
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // no effect where it is not installed
  set_option(options, "lr", "0.00025");
  std::setlocale(LC_ALL, saved.c_str());
  CHECK(options.lr == 0.00025);
  CHECK_THROWS_WITH(set_option(options, "lr", "0,1"), Contains("--lr") && Contains("0,1"));
  CHECK_THROWS_WITH(set_option(options, "lr", "nan"), Contains("finite"));
  CHECK_THROWS_WITH(set_option(options, "steps", "10x"), Contains("10x"));
  CHECK_THROWS_WITH(set_option(options, "no-such", "1"), Contains("no-such"));
  set_option(options, "classes", "a,b");
  CHECK(options.classes == std::vector<std::string>{"a", "b"});
}

TEST_CASE("of epochs and steps, the one that is named alone replaces the other") {
  const auto limits = [](const std::vector<std::string>& names, std::int64_t epochs,
                         std::int64_t steps) {
    RunOptions options;
    options.epochs = epochs;
    options.steps = steps;
    replace_limits(names, options);
    return std::pair(options.epochs, options.steps);
  };
  using Limits = std::pair<std::int64_t, std::int64_t>;
  CHECK(limits({"steps"}, 25, 7) == Limits{0, 7});
  CHECK(limits({"epochs"}, 25, 7) == Limits{25, 0});
  CHECK(limits({"epochs", "steps"}, 25, 7) == Limits{25, 7});
  CHECK(limits({"lr"}, 25, 7) == Limits{25, 7});
  CHECK(limits({"steps"}, 25, 0) == Limits{25, 0});  // "no limit" replaces none
  CHECK(limits({"epochs"}, 0, 7) == Limits{0, 7});
}

TEST_CASE("a resumed run may change where and how long, not what") {
  RunOptions saved;
  RunOptions now = saved;
  now.out = "elsewhere";
  now.epochs = 99;
  CHECK(resume_conflicts(saved, now).empty());
  now.batch_size = 128;
  now.lr = 1e-3;
  const std::vector<std::string> conflicts = resume_conflicts(saved, now);
  REQUIRE(conflicts.size() == 2);
  CHECK(conflicts[0] == "--lr (0.001, was 0.0002)");
  CHECK(conflicts[1] == "--batch-size (128, was 64)");
  saved = resolved(saved);  // as it is in config.json
  CHECK(resume_conflicts(saved, RunOptions{}).empty());
  now = saved;
  now.lr_d = 1e-3;
  CHECK(resume_conflicts(saved, now) == std::vector<std::string>{"--lr-d (0.001, was 0.0002)"});
}
