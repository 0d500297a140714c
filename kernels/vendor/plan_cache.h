// Chosen plans kept on disk, so that the choice is timed once for a machine.
#pragma once

#include <optional>
#include <string>

namespace dcgan {

/// The folder: $DCGAN_CACHE, else $XDG_CACHE_HOME/dcgan, else $HOME/.cache/dcgan; empty when none
/// of them is set, or when DCGAN_CACHE is "off".
std::string plan_cache_folder();

/// The text stored under `key` in `folder`, or nothing: never stored, unreadable, or another key's.
std::optional<std::string> load_cached(const std::string& folder, const std::string& key);

/// Stores whole or not at all. A cache that cannot be written costs time only: returns false.
bool store_cached(const std::string& folder, const std::string& key, const std::string& text);

}  // namespace dcgan
