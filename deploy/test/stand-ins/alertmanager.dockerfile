# Stand-in for prom/alertmanager: Debian's package, with the official image's entry point, user and folders.
FROM headgate-test/bookworm
RUN apt-get update && apt-get install -y --no-install-recommends prometheus-alertmanager wget && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/bin/prometheus-alertmanager /bin/alertmanager && install -d -o nobody -g nogroup /alertmanager
USER nobody
WORKDIR /alertmanager
VOLUME /alertmanager
EXPOSE 9093
ENTRYPOINT ["/bin/alertmanager"]
CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]
