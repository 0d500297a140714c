#include "models/run/hooks/metrics.h"

#include "tests/models/run/support.h"

using namespace dcgan;

TEST_CASE("log lines are due at the first step and at every n-th, while the steps go on") {
  const MetricsHook hook("nowhere", 5);
  CHECK(hook.need(1) == Need::results);
  CHECK(hook.need(4) == Need::nothing);
  CHECK(hook.need(10) == Need::results);
}

TEST_CASE("a log line is a JSON object, a row of the table and a word to the observer") {
  test::HookSetup setup;
  test::TemporaryFolder folder;
  MetricsHook hook(folder.path(), 2);
  HookContext run = setup.at(2, Scalar::errG, 0.5f);
  hook.begin(run);
  hook.on_results(run);
  run.report.step = 3;  // read for another hook
  hook.on_results(run);
  CHECK(setup.recorder.lines == std::vector<std::string>{"log 2"});
  const std::string json = test::contents(folder / "metrics.jsonl");
  CHECK(json ==
        "{\"step\":2,\"epoch\":0,\"errD_real\":0.0,\"errD_fake\":0.0,\"errD\":0.0,\"errG\":0.5,"
        "\"D_x\":0.0,\"D_G_z1\":0.0,\"D_G_z2\":0.0,\"accuracy\":0.0,\"images_per_second\":0.0,"
        "\"trained_seconds\":0.0}\n");
  CHECK(test::contents(folder / "losses.csv") ==
        "step,epoch,errD_real,errD_fake,errD,errG,D_x,D_G_z1,D_G_z2,accuracy,images_per_second,"
        "trained_seconds\n"
        "2,0,0.0,0.0,0.0,0.5,0.0,0.0,0.0,0.0,0.0,0.0\n");
  StateJson state;
  hook.save(state);
  CHECK(state.dump() == "{\"metrics_bytes\":" + std::to_string(json.size()) + "}");
}

TEST_CASE("a run that continues cuts off what was logged after its checkpoint") {
  test::HookSetup setup;
  test::TemporaryFolder folder;
  StateJson state;
  HookContext run = setup.at(1);
  {
    MetricsHook first(folder.path(), 1);
    first.begin(run);
    first.on_results(run);
    first.save(state);  // the checkpoint
    run.report.step = 2;
    first.on_results(run);
  }
  const auto steps_after = [&](OutputFolder whose) {
    MetricsHook resumed(folder.path(), 1);
    resumed.restore(state);
    run.report.step = 1;
    run.folder = whose;
    resumed.begin(run);
    return test::contents(folder / "metrics.jsonl");
  };
  const std::string kept = steps_after(OutputFolder::continued);
  CHECK_THAT(kept, Contains("\"step\":1,"));
  CHECK_THAT(kept, !Contains("\"step\":2,"));
  CHECK(steps_after(OutputFolder::fresh).empty());  // another run's lines
}

TEST_CASE("lines are kept by their step, whatever length the checkpoint says") {
  test::HookSetup setup;
  test::TemporaryFolder folder;
  HookContext run = setup.at(4);
  run.folder = OutputFolder::continued;
  const auto kept = [&](const std::string& before, const char* metrics_bytes) {
    test::write_plainly(folder / "metrics.jsonl", before);
    MetricsHook hook(folder.path(), 1);
    hook.restore(StateJson::parse(metrics_bytes));
    hook.begin(run);
    return test::contents(folder / "metrics.jsonl");
  };
  const std::string whole = "{\"step\":1}\n{\"step\":4}\n";
  for (const char* bytes :
       {"{\"metrics_bytes\":0}", "{\"metrics_bytes\":5}", "{\"metrics_bytes\":1000000}"}) {
    INFO(bytes);
    CHECK(kept(whole, bytes) == whole);
    CHECK(kept(whole + "{\"step\":5}\n{\"step\":6}\n", bytes) == whole);
    CHECK(kept(whole + "{\"step\":", bytes) == whole);                       // a line cut short
    CHECK(kept(whole + "{\"step\":4}", bytes) == whole);                     // and its end lost
    CHECK(kept("{}\nno JSON\n" + whole, bytes) == "{}\nno JSON\n" + whole);  // not ours to judge
  }
  const std::string deep = std::string(100'000, '[') + "\n";
  CHECK(kept("{" + deep + whole, "{\"metrics_bytes\":0}") == "{" + deep + whole);
  MetricsHook hook(folder.path(), 1);
  for (const char* bytes :
       {"{}", "{\"metrics_bytes\":-1}", "{\"metrics_bytes\":1.5}", "{\"metrics_bytes\":\"1\"}"}) {
    DCGAN_CHECK_FAILS(hook.restore(StateJson::parse(bytes)), ErrorKind::bad_data, "metrics_bytes");
  }
}

TEST_CASE("files that hold something else are not written over") {
  test::HookSetup setup;
  HookContext run = setup.at(0);
  for (const char* name : {"metrics.jsonl", "losses.csv"}) {
    test::TemporaryFolder folder;
    test::write_plainly(folder / name, "notes of the user");
    MetricsHook hook(folder.path(), 1);
    DCGAN_CHECK_FAILS(hook.begin(run), ErrorKind::config, name);
    CHECK(test::contents(folder / name) == "notes of the user");
  }
}
