# Libraries of picture formats that a build can do without (JPEG and PNG it needs).
#
#   DCGAN_PICTURES=auto  each that is found; without it such a picture is refused by name
#   DCGAN_PICTURES=on    the same, but an error when one is missing
#   DCGAN_PICTURES=off   none
#
# Sets DCGAN_HAS_WEBP, DCGAN_HAS_TIFF, DCGAN_HAS_GIF, DCGAN_PICTURES_FOUND and _MISSING (texts), and
# the target dcgan_pictures.

set(DCGAN_HAS_WEBP false)
set(DCGAN_HAS_TIFF false)
set(DCGAN_HAS_GIF false)
set(DCGAN_PICTURES_FOUND "")
set(DCGAN_PICTURES_MISSING "")
add_library(dcgan_pictures INTERFACE)

if(NOT DCGAN_PICTURES MATCHES "^(auto|on|off)$")
  message(FATAL_ERROR "DCGAN_PICTURES=${DCGAN_PICTURES}: use auto, on or off")
endif()
if(DCGAN_PICTURES STREQUAL "off")
  set(DCGAN_PICTURES_MISSING ", without WebP, TIFF and GIF: DCGAN_PICTURES=off")
else()
  pkg_check_modules(webp QUIET IMPORTED_TARGET libwebp>=1.0 libwebpdemux>=1.0)
  if(webp_FOUND)
    set(DCGAN_HAS_WEBP true)
    target_link_libraries(dcgan_pictures INTERFACE PkgConfig::webp)
    string(APPEND DCGAN_PICTURES_FOUND ", WebP (${webp_libwebp_VERSION})")
  else()
    string(APPEND DCGAN_PICTURES_MISSING ", no WebP (Debian: libwebp-dev)")
  endif()
  # 4.5: error handlers and a limit of memory that belong to one file.
  find_package(TIFF 4.5 QUIET)
  if(TIFF_FOUND)
    set(DCGAN_HAS_TIFF true)
    target_link_libraries(dcgan_pictures INTERFACE TIFF::TIFF)
    string(APPEND DCGAN_PICTURES_FOUND ", TIFF (${TIFF_VERSION_STRING})")
  else()
    string(APPEND DCGAN_PICTURES_MISSING ", no TIFF (Debian: libtiff-dev, 4.5 or newer)")
  endif()
  find_package(GIF 5.1 QUIET)
  if(GIF_FOUND)
    set(DCGAN_HAS_GIF true)
    target_link_libraries(dcgan_pictures INTERFACE GIF::GIF)
    string(APPEND DCGAN_PICTURES_FOUND ", GIF (${GIF_VERSION})")
  else()
    string(APPEND DCGAN_PICTURES_MISSING ", no GIF (Debian: libgif-dev)")
  endif()
  if(DCGAN_PICTURES STREQUAL "on" AND DCGAN_PICTURES_MISSING)
    message(FATAL_ERROR "DCGAN_PICTURES=on${DCGAN_PICTURES_MISSING}")
  endif()
endif()
