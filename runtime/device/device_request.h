// The device that a user asked for: "auto", "cpu", "cuda" or "cuda:N".
#pragma once

#include <string>
#include <string_view>

namespace dcgan {

/// The words that parse_device_request accepts, for help texts.
inline constexpr std::string_view kDeviceChoices = "auto, cuda, cuda:N or cpu";

struct DeviceRequest {
  enum class Kind {
    automatic,  ///< the first GPU, or the CPU where there is none
    cpu,
    cuda,
  };
  Kind kind = Kind::automatic;
  int ordinal = 0;  ///< which GPU, from 0; 0 unless kind is cuda

  friend bool operator==(const DeviceRequest&, const DeviceRequest&) = default;
};

/// "cuda" is "cuda:0". Throws Error(usage) with the option's name and the choices. Whether the GPU
/// exists shows when it is opened.
DeviceRequest parse_device_request(std::string_view word, std::string_view option);

/// The shortest word that parses to it: "auto", "cpu", "cuda" (the first GPU), "cuda:1".
std::string to_string(const DeviceRequest& request);

}  // namespace dcgan
