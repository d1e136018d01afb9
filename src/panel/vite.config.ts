import { defineConfig } from "vite";

// One file with a fixed name: the page loads it, and an engine with a page of its own does too.
export default defineConfig({
  esbuild: { legalComments: "none" },
  build: {
    outDir: "../patternspan/api/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    rollupOptions: { input: "src/element.tsx", output: { entryFileNames: "panel.js", codeSplitting: false } },
  },
});
