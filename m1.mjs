const t=performance.now();const u=await import("undici");new u.Agent();globalThis.gc?.();console.log("undici",process.memoryUsage.rss()/1e6,performance.now()-t)
