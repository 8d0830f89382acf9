UNLOAD  core;
