const t=performance.now();const A=process.getBuiltinModule("node:https");new A.Agent();globalThis.gc?.();console.log("https",process.memoryUsage.rss()/1e6,performance.now()-t)
