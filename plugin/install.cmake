# Where libgsttae.so is installed. GStreamer only looks into its own plugin
# folder, so an installation beside GStreamer goes there; under any other
# prefix it stays in the prefix (then set GST_PLUGIN_PATH to that folder).
if(TAE_OPTION_PLUGINS_INSTALL_DIR)
  set(plugin_dir "${TAE_OPTION_PLUGINS_INSTALL_DIR}")
else()
  pkg_get_variable(gst_prefix gstreamer-1.0 prefix)
  pkg_get_variable(gst_plugin_dir gstreamer-1.0 pluginsdir)
  if(gst_prefix STREQUAL CMAKE_INSTALL_PREFIX AND gst_plugin_dir)
    set(plugin_dir "${gst_plugin_dir}")
  else()
    set(plugin_dir "${CMAKE_INSTALL_LIBDIR}/gstreamer-1.0")
  endif()
endif()
install(TARGETS gsttae LIBRARY DESTINATION "${plugin_dir}")
