const tls=await import("node:tls");globalThis.gc?.();console.log("tls",process.memoryUsage.rss()/1e6)
