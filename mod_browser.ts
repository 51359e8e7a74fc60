/**
 * The main entry for browsers: the same as `mod.ts`, with the WebSocket `connect`, so that bundlers find its transport.
 *
 * @module
 */
export * from "./src/_public.ts";
export { connect } from "./src/adapters/browser.ts";
