// Loaded into every node of a build. Broccoli works in a directory with a random name,
// and webpack numbers modules by their paths: the name would decide what is in the
// bundles. Here it depends on nothing but the order in which directories are asked for.
const fs = require('fs');
const os = require('os');
const path = require('path');
const Module = require('module');

const load = Module._load;
Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  if (request === 'tmp' && loaded && typeof loaded.dirSync === 'function' && !loaded.dirSync.steady) {
    const dirSync = loaded.dirSync;
    loaded.dirSync = function (options) {
      if (!options || !/^broccoli-?$/.test(options.prefix || '')) return dirSync.apply(this, arguments);
      let n = 0;
      while (fs.existsSync(path.join(os.tmpdir(), `broccoli-${n}`))) n++;
      return dirSync.call(this, { ...options, name: `broccoli-${n}` });
    };
    loaded.dirSync.steady = true;
  }
  return loaded;
};
