#include "models/run/run_options.h"

#include <fmt/format.h>

#include "models/checkpoint/config_json.h"
#include "models/run/option_defaults.h"
#include "models/run/option_values.h"
#include "runtime/base/closest.h"
#include "runtime/base/printable.h"

namespace dcgan {
namespace {

using config_json::Json;

void require_number(std::string_view name, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    fail(ErrorKind::config, "--{}: {} is outside {} .. {}", name, value, low, high);
  }
}

// The upper bounds are far beyond use; they keep products of counts within 64 bits.
constexpr std::int64_t kMostSteps = 1'000'000'000'000;
constexpr std::int64_t kMost = 1'000'000;
constexpr std::int64_t kMostThreads = 1024;

void require_count(std::string_view name, std::int64_t value, std::int64_t low,
                   std::int64_t high = kMostSteps) {
  if (value < low) fail(ErrorKind::config, "--{}: {} is below {}", name, value, low);
  if (value > high) fail(ErrorKind::config, "--{}: {} is above {}", name, value, high);
}

bool is_name_of(const OptionInfo& info, std::string_view word) {
  const std::string wanted = same_spelling(word);
  const auto is_same = [&](std::string_view name) { return same_spelling(name) == wanted; };
  return is_same(info.name) || std::any_of(info.aliases.begin(), info.aliases.end(), is_same);
}

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  const RunOptions options;
  visit_options(options, [&names](const OptionInfo& info, const auto&) {
    names.emplace_back(info.name);
    names.insert(names.end(), info.aliases.begin(), info.aliases.end());
  });
  return names;
}

// JSON's own duplicates are found when it is read; these are two spellings.
void require_first(const std::vector<std::string>& names, std::string_view name,
                   std::string_view source) {
  if (!has_name(names, name)) return;
  fail(ErrorKind::config, "{}: sets {} twice, under two names", source, name);
}

void require_compatible(const RunOptions& o) {
  const bool has_labels = o.loss != LossKind::hinge && o.loss != LossKind::wgan;
  if (!has_labels && (o.real_label != 1.0 || o.fake_label != 0.0)) {
    fail(ErrorKind::config, "--real-label, --fake-label: the {} loss has no labels to smooth",
         enum_name(o.loss));
  }
  if (o.stop_at_equilibrium && o.loss == LossKind::wgan) {
    fail(ErrorKind::config,
         "--stop-at-equilibrium: a WGAN critic does not classify, it has no accuracy");
  }
  if (o.weight_clip > 0 && o.loss != LossKind::wgan) {
    fail(ErrorKind::config, "--weight-clip: is for --loss wgan, not {}", enum_name(o.loss));
  }
  if (o.dataset != DatasetKind::strokes && o.data.empty()) {
    fail(ErrorKind::config, "--dataset {}: needs --data PATH", enum_name(o.dataset));
  }
  if (o.dataset == DatasetKind::strokes && !o.data.empty()) {
    fail(ErrorKind::config,
         "--data {}: the strokes are drawn by the program; say with --dataset what this is ({})",
         o.data, enum_choices<DatasetKind>());
  }
  if (o.dataset != DatasetKind::folder && (!o.classes.empty() || !o.cache.empty())) {
    fail(ErrorKind::config, "--classes, --cache: are for --dataset folder, not {}",
         enum_name(o.dataset));
  }
  if (!o.resume.empty() && (!o.init_generator.empty() || !o.init_discriminator.empty())) {
    fail(ErrorKind::config,
         "--resume: the weights come from the checkpoint; leave out "
         "--init-generator and --init-discriminator");
  }
  if (!o.init_from.empty() && (!o.init_generator.empty() || !o.init_discriminator.empty())) {
    fail(ErrorKind::config,
         "--init-from {}: both networks come from it; leave out --init-generator and "
         "--init-discriminator",
         o.init_from);
  }
}

}  // namespace

void require_valid(const RunOptions& o) {
  require_count("batch-size", o.batch_size, 1, kMost);
  require_count("d-steps", o.d_steps, 1, kMost);
  require_count("epochs", o.epochs, 0, kMost);
  require_count("steps", o.steps, 0);
  require_count("seed", o.seed, 0, INT64_MAX);
  require_count("threads", o.threads, 0, kMostThreads);
  require_count("workers", o.workers, 0, kMostThreads);
  require_count("log-every", o.log_every, 1);
  require_count("sample-every", o.sample_every, 0);
  require_count("checkpoint-every", o.checkpoint_every, 0);
  require_count("keep", o.keep, 0);
  require_count("sample-count", o.sample_count, 1, kMost);
  require_count("strokes-count", o.strokes_count, 1);
  require_count("equilibrium-steps", o.equilibrium_steps, 1);
  require_number("real-label", o.real_label, 0.0, 1.0);
  require_number("fake-label", o.fake_label, 0.0, 1.0);
  require_number("lr", o.lr, 0.0, 1.0);
  require_number("lr-g", o.lr_g, 0.0, 1.0);
  require_number("lr-d", o.lr_d, 0.0, 1.0);
  require_number("beta1", o.beta1, 0.0, 0.999999);
  require_number("beta2", o.beta2, 0.0, 0.999999);
  require_number("alpha", o.alpha, 0.0, 0.999999);
  require_number("epsilon", o.epsilon, 0.0, 1.0);
  require_number("weight-clip", o.weight_clip, 0.0, 1e6);
  require_number("ema-decay", o.ema_decay, 0.0, 0.999999);
  require_number("equilibrium-margin", o.equilibrium_margin, 0.0, 0.5);
  require_number("max-seconds", o.max_seconds, 0.0, 1e9);
  require_number("bucket-mb", o.bucket_mb, 0.0, 1e6);
  require_number("comm-timeout", o.comm_timeout, 0.1, 1e6);
  require_compatible(o);
}

void set_option(RunOptions& options, std::string_view name, std::string_view text) {
  bool found = false;
  visit_options(options, [&](const OptionInfo& info, auto& field) {
    if (info.name != name) return;
    option_values::from_text(name, text, field);
    found = true;
  });
  if (!found) fail(ErrorKind::usage, "--{}: there is no such option", name);
}

std::string to_json(const RunOptions& options) {
  Json json;
  visit_options(options, [&json](const OptionInfo& info, const auto& field) {
    json[std::string(info.name)] = config_json::to_json(field);
  });
  return json.dump(2) + "\n";
}

std::vector<std::string> apply_json(RunOptions& options, std::string_view text,
                                    std::string_view source) {
  const Json json = config_json::parse(text, source);
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items()) {
    bool found = false;
    visit_options(options, [&, &key = name, &item = value](const OptionInfo& info, auto& field) {
      if (!is_name_of(info, key)) return;
      found = true;
      require_first(names, info.name, source);
      names.emplace_back(info.name);
      try {
        config_json::from_json(info.name, item, field);
      } catch (const Error& error) {
        fail(ErrorKind::config, "{}: {}", source, error.what());
      }
    });
    if (!found) {
      fail(ErrorKind::config, "{}: there is no option {}{}", source, in_quotes(name),
           did_you_mean(name, option_names()));
    }
  }
  return names;
}

namespace {

// Of every option's value, in their order.
std::vector<std::string> texts_of(const RunOptions& options) {
  std::vector<std::string> texts;
  visit_options(options, [&texts](const OptionInfo&, const auto& field) {
    texts.push_back(option_values::to_text(field));
  });
  return texts;
}

}  // namespace

std::vector<std::string> resume_conflicts(const RunOptions& saved, const RunOptions& now) {
  const std::vector<std::string> old_texts = texts_of(saved), texts = texts_of(now);
  const std::vector<std::string> old_values = texts_of(resolved(saved));
  const std::vector<std::string> values = texts_of(resolved(now));
  std::vector<std::string> conflicts;
  std::size_t i = 0;
  visit_options(now, [&](const OptionInfo& info, const auto&) {
    // One that only follows another is not named beside it.
    const bool differs = texts[i] != old_texts[i] && values[i] != old_values[i];
    if (info.on_resume == OnResume::keeps && differs) {
      conflicts.push_back(fmt::format("--{} ({}, was {})", info.name, values[i], old_values[i]));
    }
    ++i;
  });
  return conflicts;
}

}  // namespace dcgan
