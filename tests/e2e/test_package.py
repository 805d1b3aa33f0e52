"""The Debian package: one command makes it, it installs, and what it brings works. It is installed over a copy of this machine
(an overlay that goes with the test), since its dependencies are here."""

import hashlib
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-package"


def run(*command, check=True, timeout=120):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check,
                          timeout=timeout)


@pytest.fixture(scope="module")
def package():
    result = run(ROOT / "dev", "package", check=False, timeout=1800)
    assert result.returncode == 0, result.stdout + result.stderr
    return pathlib.Path(result.stdout.strip().splitlines()[-1].removeprefix("== Made "))


@pytest.fixture(scope="module")
def machine(package, tmp_path_factory):
    """Runs a script as root of a copy of this machine on which the package can be installed. All of it is gone afterwards."""
    folder = tmp_path_factory.mktemp("machine")

    def run_script(script):
        upper = f"""
            set -e
            mount -t tmpfs none {folder}
            mkdir {folder}/upper {folder}/work {folder}/root
            mount -t overlay none -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work {folder}/root
            mount --rbind /proc {folder}/root/proc
            mount --rbind /dev {folder}/root/dev
            mount -t tmpfs none {folder}/root/run
            mount -t tmpfs none {folder}/root/tmp
            cp {package} {folder}/root/tmp/dotline.deb
            chroot {folder}/root /bin/sh -e -c '{script}'
        """
        return run("unshare", "--mount", "/bin/sh", "-c", upper, check=False)
    return run_script


def test_it_is_the_same_each_time(package):
    def digest():
        return hashlib.sha256(package.read_bytes()).hexdigest()
    first = digest()
    run(ROOT / "control" / "debian" / "make_package", BUILD, BUILD)
    assert digest() == first


def test_it_asks_for_the_drivers_that_it_opens(package):
    depends = run("dpkg-deb", "--field", package, "Depends").stdout
    for wanted in ("librte-net-af-xdp23", "librte-net-af-packet23", "librte-bus-pci23", "libssl3", "liblua5.4-0"):
        assert wanted in depends


def test_it_installs_and_what_it_brings_works(machine):
    result = machine("""
        dpkg --install /tmp/dotline.deb
        dotline version
        dotline check --config /etc/dotline/dotline.yaml
        stat --format "%n %U:%G %a" /etc/dotline /etc/dotline/dotline.yaml
        setpriv --reuid dotline --regid dotline --clear-groups dotline check --config /etc/dotline/dotline.yaml
        zcat /usr/share/man/man1/dotline.1.gz | head -1
        systemctl is-enabled dotline.service || true
    """)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert any(line.startswith("dotline 0.") for line in lines)
    assert lines.count("/etc/dotline/dotline.yaml: ok") == 2
    assert "/etc/dotline root:dotline 750" in lines
    assert "/etc/dotline/dotline.yaml root:dotline 640" in lines
    assert "disabled" in lines, "its configuration is an example: nothing starts by itself"


def test_a_changed_configuration_stays_over_upgrade_and_removal_and_goes_with_a_purge(machine):
    result = machine("""
        dpkg --install /tmp/dotline.deb
        echo "# mine" >>/etc/dotline/dotline.yaml
        chmod 0600 /etc/dotline/dotline.yaml
        dpkg --install /tmp/dotline.deb
        tail -1 /etc/dotline/dotline.yaml
        stat --format "mode %a" /etc/dotline/dotline.yaml
        dpkg --remove dotline
        tail -1 /etc/dotline/dotline.yaml
        test ! -e /usr/bin/dotline
        dpkg --purge dotline
        test ! -e /etc/dotline
        echo gone
    """)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines.count("# mine") == 2
    assert "mode 600" in lines
    assert lines[-1] == "gone"
