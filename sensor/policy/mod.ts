/**
 * The one door in for control: where policies, resets and settings come from. Today a directory of YAML files.
 *
 * **Invariant:** a listener is told of complete, validated objects only, each named once; what is broken never takes
 * away what was good: a broken file keeps its last good version in force, an unreadable directory keeps everything.
 *
 * It must not know what the objects mean on the wire: packets, flows and the compiled form are others'.
 */
export { DirectoryPolicySource, loadPolicyDirectory, type DirectorySourceOptions, type PolicyListener } from "./directoryPolicySource.ts";
export { directoryFault } from "./directoryListing.ts";
export { EMPTY_SNAPSHOT, settingsMissing, type PolicySnapshot, type WithheldFile } from "./snapshot.ts";
