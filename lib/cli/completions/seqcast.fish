# SPDX-License-Identifier: BSL-1.0
#
# Completion of seqcast for fish: verbs, options (of --help), channels, files. Belongs into a folder of
# $fish_complete_path.

function __seqcast_verbs
    set -l program (commandline -opc)[1]
    printf 'help\tPrint the options of a verb\n'
    $program --help | sed -nE '/^Verbs:$/,/^$/s/^  ([a-z]+) +([^;:]*).*/\1\t\2/p'
end

# The options of the verb, if one is typed, each with the first clause of what it is, which may go over several lines.
function __seqcast_options
    set -l words (commandline -opc)
    set -l verb
    set -q words[2]; and not string match -q -- '-*' $words[2]; and set verb $words[2]
    $words[1] $verb --help | sed -E ':join; $!N; s/\n {10,}/ /; t join; P; D' |
        sed -nE 's/^  (-[a-zA-Z], |    )(--[a-z-]+)( [A-Z]+)? +([^;:.([]*[^;:.([ ]).*/\2\t\4/p'
end

function __seqcast_arguments
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    switch $words[2]:$words[-1]
        case sub:--from record:--from
            printf '%s\n' newest oldest
        case pub:--wakeup
            printf '%s\n' bell every-message polling
        case 'help:*'
            __seqcast_verbs
        case top:--sort
            printf '%s\n' name rate
        case doctor:--root 'ls:*' 'top:*'
            __fish_complete_directories $typed
        case record:-o record:--output 'replay:*' 'check:*'
            __fish_complete_path $typed
        case 'doctor:*'
        case '*'
            if string match -q '*/*' -- $typed; or contains -- --file $words
                __fish_complete_path $typed
            else
                $words[1] ls -q 2>/dev/null
            end
    end
end

complete -c seqcast -f
complete -c seqcast -n 'test (count (commandline -opc)) -eq 1' -a '(__seqcast_verbs)'
complete -c seqcast -n 'test (count (commandline -opc)) -gt 1' -a '(__seqcast_arguments)'
complete -c seqcast -n 'string match -q -- "-*" (commandline -ct)' -a '(__seqcast_options)'
