# Completion of dotline's commands for bash. Installed as bash-completion/completions/dotline.
_dotline() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local speak="--socket --help"
    case $before in
    --config | --output | --socket)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    esac
    local words
    if ((COMP_CWORD == 1)); then
        words="run check version help import-dnsdist status top reload cache backend --help --version"
    else
        case $command in
        run) words="--config --help" ;;
        check) words="--config --lenient --help" ;;
        import-dnsdist)
            mapfile -t COMPREPLY < <(compgen -W "--output --help" -f -- "$word")
            return
            ;;
        status) words="--json $speak" ;;
        top) words="--count $speak" ;;
        reload) words=$speak ;;
        cache) if ((COMP_CWORD == 2)); then words="flush --help"; else words="--suffix --type --cache $speak"; fi ;;
        backend) if ((COMP_CWORD == 2)); then words="up down auto --help"; else words=$speak; fi ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _dotline dotline
