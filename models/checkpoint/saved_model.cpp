#include "models/checkpoint/saved_model.h"

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr std::uint64_t kMaxBytes = 1 << 20;

/// The members of one config.json; every fault names the file and the key.
class Config {
 public:
  explicit Config(const std::filesystem::path& path) : path_(path.string()) {
    json_ = nlohmann::json::parse(read_text_file(path, kMaxBytes), nullptr,
                                  /*allow_exceptions=*/false);
    if (!json_.is_object()) fail(ErrorKind::bad_data, "{}: not a JSON object", path_);
  }

  std::string text(const char* key) const {
    const nlohmann::json& value = at(key);
    if (!value.is_string()) refuse(key, "a string");
    return value.get<std::string>();
  }

  /// Replaces `field` unless the value is 0.
  void replace_unless_zero(const char* key, std::int64_t& field) const {
    const nlohmann::json& value = at(key);
    if (!value.is_number_integer()) refuse(key, "a whole number");
    const auto number = value.get<std::int64_t>();
    if (number != 0) field = number;
  }

  template <class Enum>
  Enum choice(const char* key) const {
    const std::string name = text(key);
    return checked([&] { return enum_from_name<Enum>(name, key); });
  }

  /// make(), whose errors name the key but not the file.
  template <class Make>
  auto checked(const Make& make) const {
    try {
      return make();
    } catch (const Error& error) {
      fail(ErrorKind::bad_data, "{}: {}", path_, error.what());
    }
  }

 private:
  const nlohmann::json& at(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) fail(ErrorKind::bad_data, "{}: there is no \"{}\"", path_, key);
    return *found;
  }
  [[noreturn]] void refuse(const char* key, const char* wanted) const {
    fail(ErrorKind::bad_data, "{}: \"{}\": {} is not {}", path_, key, at(key).dump(), wanted);
  }

  std::string path_;
  nlohmann::json json_;
};

}  // namespace

SavedModel read_saved_model(const std::filesystem::path& checkpoint) {
  const Config config(checkpoint / "config.json");
  SavedModel saved;
  const std::string preset = config.text("preset");
  saved.model = config.checked([&] { return preset_named(preset).model; });
  config.replace_unless_zero("image-size", saved.model.image_size);
  config.replace_unless_zero("channels", saved.model.channels);
  config.replace_unless_zero("nz", saved.model.nz);
  config.replace_unless_zero("ngf", saved.model.ngf);
  config.replace_unless_zero("ndf", saved.model.ndf);
  config.checked([&] { require_valid(saved.model); });
  saved.latent = config.choice<LatentDistribution>("latent");
  saved.precision = config.choice<Precision>("precision");
  return saved;
}

}  // namespace dcgan
