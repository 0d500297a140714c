#include "kernels/vendor/tuner.h"

#include <cmath>
#include <map>

#include "kernels/vendor/plan_cache.h"
#include "runtime/base/errors.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

/// How a candidate behaves.
struct Behaviour {
  double median_ms = 1.0;
  std::vector<float> result = {1.0f, 2.0f};
  std::string refuses_to_run = {};   ///< what it throws when it runs
  std::string refuses_to_time = {};  ///< what it throws only when it is timed
};

class FakeTimer final : public CandidateTimer {
 public:
  std::map<std::string, Behaviour> behaviours;
  std::vector<std::string> run, timed;

  std::vector<float> result_of(const TuningCandidate& candidate) override {
    const Behaviour& behaviour = behaviours.at(candidate.name);
    run.push_back(candidate.name);
    if (!behaviour.refuses_to_run.empty()) {
      fail(ErrorKind::unavailable, "{}", behaviour.refuses_to_run);
    }
    return behaviour.result;
  }
  double median_ms(const TuningCandidate& candidate) override {
    const Behaviour& behaviour = behaviours.at(candidate.name);
    timed.push_back(candidate.name);
    if (!behaviour.refuses_to_time.empty()) {
      fail(ErrorKind::internal, "{}", behaviour.refuses_to_time);
    }
    return behaviour.median_ms;
  }
};

struct Named {
  std::string name;
  Behaviour behaviour = {};
  std::string key = {};  ///< empty: "key of NAME"
};

/// A problem with these candidates, and the timer that knows how they behave.
struct Fixture {
  FakeTimer timer;
  std::vector<TuningCandidate> candidates;
  std::size_t built = 0;
  TuningProblem problem;

  explicit Fixture(const std::vector<Named>& all) {
    for (const Named& each : all) {
      timer.behaviours[each.name] = each.behaviour;
      const std::string key = each.key.empty() ? "key of " + each.name : each.key;
      candidates.push_back({each.name, key, 0, [](int) {}});
    }
    problem.key = "a problem";
    problem.tolerance = 1e-3;
    problem.next = [this]() -> std::optional<TuningCandidate> {
      if (built == candidates.size()) return std::nullopt;
      return candidates[built++];
    };
    problem.restore = [this](const std::string& text) -> std::optional<TuningCandidate> {
      if (text == "damaged") fail(ErrorKind::internal, "a plan cannot be read");
      for (const TuningCandidate& each : candidates) {
        if (each.key == text) return each;
      }
      return std::nullopt;
    };
  }
  Fixture(const Fixture&) = delete;  // the problem's functions point into it
  Fixture& operator=(const Fixture&) = delete;

  TuningOutcome choose(TuningMode mode, const std::string& folder = "") {
    return choose_candidate(problem, &timer, mode, folder);
  }
  TuningOutcome fastest(const std::string& folder = "") {
    return choose(TuningMode::fastest, folder);
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the fastest candidate is chosen, of equals the first") {
  Fixture fixture({{"a", {3.0}}, {"b", {1.0}}, {"c", {2.0}}, {"d", {1.0}}});
  const TuningOutcome outcome = fixture.fastest();
  REQUIRE(outcome.candidate);
  CHECK(outcome.candidate->name == "b");
  CHECK(outcome.how == "1.000 ms, best of 4");
}

TEST_CASE("a candidate whose result is wrong is never timed, however fast it is") {
  Fixture fixture({{"right", {3.0}},
                   {"close", {2.0, {1.0f, 2.001f}}},
                   {"wrong", {0.1, {1.0f, 2.1f}}},
                   {"nan", {0.1, {NAN, 2.0f}}},
                   {"short", {0.1, {1.0f}}}});
  const TuningOutcome outcome = fixture.fastest();
  REQUIRE(outcome.candidate);
  CHECK(outcome.candidate->name == "close");
  CHECK(fixture.timer.timed == Names{"right", "close"});
  CHECK_THAT(outcome.how, Contains("best of 5") && Contains("wrong passed over") &&
                              Contains("bound 0.001") && Contains("nan passed over") &&
                              Contains("not finite") && Contains("short passed over"));
}

TEST_CASE("candidates that fail when they run or when they are timed are passed over") {
  Fixture fixture({{"cannot run", {0.1, {1.0f, 2.0f}, "no memory"}},
                   {"cannot be timed", {0.1, {1.0f, 2.0f}, "", "no capture"}},
                   {"slow", {9.0}},
                   {"fast", {4.0}}});
  const TuningOutcome outcome = fixture.fastest();
  REQUIRE(outcome.candidate);
  CHECK(outcome.candidate->name == "fast");
  CHECK_THAT(outcome.how, Contains("cannot run passed over: no memory") &&
                              Contains("cannot be timed passed over: no capture"));
}

TEST_CASE("results are compared with those of the first candidate that runs") {
  Fixture fixture({{"fails", {1.0, {5.0f, 5.0f}, "refuses"}},
                   {"reference", {2.0}},
                   {"agrees", {1.5}},
                   {"differs", {1.0, {5.0f, 5.0f}}}});
  CHECK(fixture.fastest().candidate->name == "agrees");
}

TEST_CASE("duplicates are dropped before anything runs; candidates without words are none") {
  Fixture fixture({{"a", {3.0}, "same"}, {"again", {1.0}, "same"}, {"b", {2.0}}});
  CHECK(fixture.fastest().candidate->name == "b");
  CHECK(fixture.timer.run == Names{"a", "b"});

  Fixture wordless({{"a", {3.0}}, {"b", {2.0}}});
  for (TuningCandidate& each : wordless.candidates) each.key.clear();
  CHECK(wordless.fastest().candidate->name == "b");
}

TEST_CASE("nothing is timed where one candidate is left") {
  Fixture only({{"a"}});
  CHECK(only.fastest().how == "the only candidate");
  CHECK(only.timer.run == Names{"a"});
  CHECK(only.timer.timed.empty());

  Fixture left({{"bad", {1.0, {1.0f, 2.0f}, "refuses"}}, {"good"}});
  CHECK_THAT(left.fastest().how, Contains("the only one of 2") && Contains("bad passed over"));
  CHECK(left.timer.timed.empty());
}

TEST_CASE("when no candidate works there is no choice, and the notes say why") {
  Fixture fixture({{"a", {1.0, {1.0f, 2.0f}, "refuses"}}, {"b", {1.0, {1.0f, 2.0f}, "too"}}});
  for (const TuningMode mode : {TuningMode::first_that_works, TuningMode::fastest}) {
    fixture.built = 0;
    const TuningOutcome outcome = fixture.choose(mode);
    CHECK_FALSE(outcome.candidate);
    CHECK(outcome.how == "a passed over: refuses; b passed over: too");
  }
  Fixture none({});
  CHECK_FALSE(none.fastest().candidate);
  CHECK_FALSE(none.choose(TuningMode::first_that_works).candidate);
}

TEST_CASE("without timing the first that works when it runs is taken, and no more are built") {
  Fixture fixture({{"fails", {1.0, {1.0f, 2.0f}, "refuses"}}, {"works", {9.0}}, {"faster"}});
  const test::TemporaryFolder folder;
  const TuningOutcome outcome =
      fixture.choose(TuningMode::first_that_works, folder.path().string());
  REQUIRE(outcome.candidate);
  CHECK(outcome.candidate->name == "works");
  CHECK(outcome.how == "first choice; fails passed over: refuses");
  CHECK(fixture.built == 2);
  CHECK(fixture.timer.timed.empty());
  CHECK_FALSE(load_cached(folder.path().string(), "a problem"));
}

TEST_CASE("without memory to run on, the first candidate is taken untried") {
  Fixture fixture({{"a", {3.0}}, {"b", {1.0}}});
  for (const TuningMode mode : {TuningMode::first_that_works, TuningMode::fastest}) {
    fixture.built = 0;
    const TuningOutcome outcome = choose_candidate(fixture.problem, nullptr, mode, "");
    REQUIRE(outcome.candidate);
    CHECK(outcome.candidate->name == "a");
    CHECK_THAT(outcome.how, Contains("untried"));
  }
}

TEST_CASE("the winner is kept: the next time it is tried once, and nothing is built or timed") {
  const test::TemporaryFolder folder;
  Fixture first({{"a", {3.0}}, {"b", {1.0}}});
  CHECK(first.fastest(folder.path().string()).candidate->name == "b");

  Fixture second({{"a", {3.0}}, {"b", {1.0}}});
  const TuningOutcome outcome = second.fastest(folder.path().string());
  CHECK(outcome.candidate->name == "b");
  CHECK(outcome.how == "cached");
  CHECK(second.built == 0);
  CHECK(second.timer.run == Names{"b"});

  Fixture other({{"a", {3.0}}, {"b", {1.0}}});
  other.problem.key = "another problem, or another version of the choice";
  CHECK(other.fastest(folder.path().string()).how == "1.000 ms, best of 2");
}

TEST_CASE("a kept choice that is damaged, unknown or fails is made anew and stored over") {
  const test::TemporaryFolder folder;
  for (const std::string kept : {"damaged", "of an older library"}) {
    INFO(kept);
    REQUIRE(store_cached(folder.path().string(), "a problem", kept));
    Fixture fixture({{"a", {3.0}}, {"b", {1.0}}});
    const TuningOutcome outcome = fixture.fastest(folder.path().string());
    CHECK(outcome.candidate->name == "b");
    CHECK_THAT(outcome.how, Contains("cached choice passed over"));
    CHECK(load_cached(folder.path().string(), "a problem") == "key of b");
  }
  REQUIRE(store_cached(folder.path().string(), "a problem", "key of a"));
  Fixture fixture({{"a", {1.0, {1.0f, 2.0f}, "refuses now"}}, {"b", {2.0}}});
  const TuningOutcome outcome = fixture.fastest(folder.path().string());
  CHECK(outcome.candidate->name == "b");
  CHECK_THAT(outcome.how, Contains("refuses now"));
}

TEST_CASE("what is not an error of the candidate ends the choice") {
  Fixture fixture({{"a"}, {"b"}});
  fixture.problem.next = []() -> std::optional<TuningCandidate> { throw std::bad_alloc(); };
  CHECK_THROWS_AS(fixture.fastest(), std::bad_alloc);
}

TEST_CASE("the difference of results is relative, and infinite for other lengths") {
  CHECK(relative_difference({3.0f, 4.0f}, {3.0f, 4.0f}) == 0.0);
  CHECK(relative_difference({3.0f, 4.0f}, {3.0f, 4.5f}) == 0.1);
  CHECK(relative_difference({0.0f}, {2.0f}) == 2.0);
  CHECK(std::isinf(relative_difference({1.0f}, {1.0f, 1.0f})));
  CHECK(std::isnan(relative_difference({1.0f}, {NAN})));
}
