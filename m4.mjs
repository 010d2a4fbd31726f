globalThis.gc?.();console.log("bare",process.memoryUsage.rss()/1e6)
